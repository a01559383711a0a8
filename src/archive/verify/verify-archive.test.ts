import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  layoutEntries,
  layoutTar,
  named,
  pathOf,
  tarOf,
  type Entry,
} from '../../../test/support/build-archive.js';
import { digestOf } from '../../io/hash.js';
import { OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST } from '../../oci/media-type.js';
import {
  blob,
  config,
  forPlatform,
  index,
  indexOfType,
  layer,
  manifest,
  pointedTo,
  type Built,
  type ConfigFields,
} from '../../testing/build-image.js';
import type { FindingCode, Severity, VerifyOptions, VerifyReport } from './report.js';
import { verifyArchive } from './verify-archive.js';

/** An image whose configuration knows its layers. */
function image(fields: ConfigFields = {}, ...layers: readonly Built[]): Built {
  const all = layers.length === 0 ? [layer('motd', 'hello\n')] : layers;
  const diff_ids = all.map(({ descriptor }) => descriptor.digest);
  return manifest(config({ rootfs: { type: 'layers', diff_ids }, ...fields }), ...all);
}

const amd64 = image();
const arm64 = image({ architecture: 'arm64' });
const both = index(forPlatform('linux/amd64', amd64), forPlatform('linux/arm64', arm64));

function codes(report: VerifyReport, severity: Severity = 'error'): FindingCode[] {
  return report.findings.filter((finding) => finding.severity === severity).map(({ code }) => code);
}

function states(report: VerifyReport): string[] {
  return report.images.flatMap(({ name, platforms }) =>
    platforms.map(({ platform, state }) => `${state} ${platform} ${name}`),
  );
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-verify-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Verifies the same bytes as a file and as a stream of small chunks, which has to come to the same. */
async function verified(tar: Uint8Array, options: VerifyOptions = {}): Promise<VerifyReport> {
  const path = join(folder, 'archive.tar');
  await writeFile(path, tar);
  const fromFile = await verifyArchive(path, options);
  async function* chunks() {
    for (let at = 0; at < tar.byteLength; at += 700) yield tar.subarray(at, at + 700);
  }
  const fromStream = await verifyArchive(chunks(), { ...options, archiveName: JSON.stringify(path) });
  expect(fromStream).toEqual(fromFile);
  return fromFile;
}

async function unpacked(entries: readonly Entry[]): Promise<string> {
  const path = await mkdtemp(join(folder, 'layout-'));
  for (const { name, content = '' } of entries) {
    await mkdir(join(path, dirname(name)), { recursive: true });
    await writeFile(join(path, name), content);
  }
  return path;
}

const change = (
  built: Built,
  content: (bytes: Uint8Array) => Uint8Array,
  entries: readonly Entry[],
): Entry[] =>
  entries.map((entry) =>
    entry.name === pathOf(built) ? { ...entry, content: content(built.bytes) } : entry,
  );
const without = (built: Built, entries: readonly Entry[]): Entry[] =>
  entries.filter(({ name }) => name !== pathOf(built));
const withOneByteChanged = (bytes: Uint8Array) => Buffer.from(bytes).fill(88, 520, 521);

describe('verifyArchive', () => {
  it('finds nothing in a sound archive, and lists what it holds', async () => {
    const report = await verified(layoutTar(named('latest', both)));
    expect(report).toMatchObject({
      verdict: 'sound',
      format: 'oci',
      errors: 0,
      warnings: 0,
      notes: 0,
      findings: [],
    });
    expect(states(report)).toEqual(['sound linux/amd64 latest', 'sound linux/arm64 latest']);
    expect(report.blobs.count).toBe(6);
  });

  it('takes a folder, and an archive that is compressed', async () => {
    const entries = layoutEntries(index(named('latest', both)));
    for (const source of [await unpacked(entries), gzipSync(tarOf(entries))]) {
      const report = await verifyArchive(source);
      expect(report).toMatchObject({ verdict: 'sound', findings: [] });
      expect(states(report)).toHaveLength(2);
    }
  });

  it('collects everything that is wrong, and blames only what it is wrong in', async () => {
    const [amd64Layer] = [layer('motd', 'only amd64 has this\n')];
    const first = image({}, amd64Layer);
    const entries = layoutEntries(
      index(named('Not A Tag!', index(forPlatform('linux/amd64', first), forPlatform('linux/arm64', arm64)))),
    );
    entries[0] = { name: 'oci-layout', content: '{"imageLayoutVersion":"2.0.0"}' };
    const report = await verified(tarOf(change(amd64Layer, withOneByteChanged, entries)));
    expect(report.verdict).toBe('broken');
    expect(codes(report).sort()).toEqual(['blob-digest', 'layout-version']);
    expect(codes(report, 'warning')).toEqual(['name-grammar']);
    expect(states(report)).toEqual(['broken linux/amd64 Not A Tag!', 'sound linux/arm64 Not A Tag!']);
  });

  it('says what a manifest lacks', async () => {
    const [part] = [layer('motd', 'hello\n')];
    const report = await verified(tarOf(without(part, layoutEntries(index(amd64)))));
    expect(report.findings).toMatchObject([
      { code: 'blob-missing', where: `${pathOf(amd64)}: layers[0]`, digest: amd64.descriptor.digest },
    ]);
    expect(report.verdict).toBe('broken');
  });

  it('accepts a platform that is absent, unless all are required', async () => {
    const config64 = [...arm64.blobs.keys()].map((digest) => digest.slice(7));
    const sparse = layoutEntries(index(named('v1', both))).filter(
      ({ name }) =>
        !config64.some((hex) => name.endsWith(hex)) ||
        [...amd64.blobs.keys()].some((d) => name.endsWith(d.slice(7))),
    );
    const report = await verified(tarOf(sparse));
    expect(report.verdict).toBe('sound');
    expect(codes(report, 'note')).toEqual(['platform-absent']);
    expect(states(report)).toEqual(['sound linux/amd64 v1', 'absent linux/arm64 v1']);
    expect(await verified(tarOf(sparse), { require: 'all' })).toMatchObject({
      verdict: 'incomplete',
      errors: 1,
    });
  });

  it('calls an archive incomplete that has nothing of an image', async () => {
    const report = await verified(tarOf(layoutEntries(index(amd64)).slice(0, 2)));
    expect(report).toMatchObject({ verdict: 'incomplete', findings: [{ code: 'image-absent' }] });
  });

  it.each<[string, Built, FindingCode]>([
    [
      'other layers than its configuration means',
      manifest(
        config({ rootfs: { type: 'layers', diff_ids: [digestOf(Buffer.from('another'))] } }),
        layer('motd', 'hello\n'),
      ),
      'layer-digest',
    ],
    [
      'more layers than its configuration',
      image({ rootfs: { type: 'layers', diff_ids: [] } }),
      'layer-count',
    ],
    [
      'a layer that is no gzip to its end',
      manifest(
        config({ rootfs: { type: 'layers', diff_ids: [digestOf(Buffer.from('hello'))] } }),
        blob(gzipSync('hello').subarray(0, 20), OCI_LAYER_GZIP),
      ),
      'layer-damaged',
    ],
    [
      'a configuration without an architecture',
      manifest(blob('{"os":"linux","rootfs":{"type":"layers","diff_ids":[]}}', OCI_CONFIG)),
      'document-invalid',
    ],
    [
      'a configuration that is no JSON',
      manifest(blob('{"os":', OCI_CONFIG), layer('motd', 'hello\n')),
      'document-invalid',
    ],
    [
      'a manifest that is an index as well',
      blob('{"schemaVersion":2,"manifests":[],"layers":[],"config":{}}', OCI_MANIFEST),
      'document-kind',
    ],
    ['a manifest where an index was announced', pointedTo(amd64, { mediaType: OCI_INDEX }), 'document-kind'],
    ['a manifest that is no JSON', blob('{"schemaVersion":2,', OCI_MANIFEST), 'document-invalid'],
    ['data in its descriptor that is something else', pointedTo(amd64, { data: 'e30=' }), 'inline-data'],
  ])('finds an image with %s', async (_, built, code) => {
    const report = await verified(layoutTar(named('latest', built)));
    expect(codes(report)).toContain(code);
    expect(report.verdict).toBe('broken');
    if (code !== 'inline-data') expect(states(report).every((line) => line.startsWith('broken'))).toBe(true);
  });

  it('looks into layers that are compressed, whatever they are called', async () => {
    const bytes = layer('motd', 'hello\n').bytes;
    const rootfs = { type: 'layers', diff_ids: [digestOf(bytes)] };
    const right = manifest(config({ rootfs }), blob(gzipSync(bytes), OCI_LAYER_GZIP));
    expect(await verified(layoutTar(right))).toMatchObject({ verdict: 'sound', findings: [] });
    const misnamed = manifest(config({ rootfs }), blob(bytes, OCI_LAYER_GZIP));
    const report = await verified(layoutTar(misnamed));
    expect(report.verdict).toBe('sound');
    expect(codes(report, 'warning')).toEqual(['layer-compression']);
  });

  it('warns where index and configuration disagree about the platform', async () => {
    const report = await verified(layoutTar(index(forPlatform('linux/s390x', amd64))));
    expect(report.findings).toMatchObject([
      {
        severity: 'warning',
        code: 'platform-mismatch',
        message: 'an index calls it linux/s390x, and its configuration linux/amd64',
      },
    ]);
  });

  it('warns of a name that two images have', async () => {
    const report = await verified(layoutTar(named('v1', amd64), named('v1', arm64)));
    expect(codes(report, 'warning')).toEqual(['name-conflict']);
  });

  it('notes blobs that nothing refers to, and referrers without their subject', async () => {
    const stray = blob('nobody refers to me');
    const signature = manifest(blob('{}', 'application/vnd.example+json'), blob('signed', 'text/plain'), {
      subject: both.descriptor,
    });
    const entries = [...layoutEntries(index(signature)), { name: pathOf(stray), content: stray.bytes }];
    const report = await verified(tarOf(entries));
    expect(report.verdict).toBe('sound');
    expect(codes(report, 'note').sort()).toEqual(['blob-unused', 'subject-absent']);
    expect(report.images).toMatchObject([{ subject: { digest: both.descriptor.digest, present: false } }]);
  });

  it('says of a size that is wrong where it stands', async () => {
    const wrong = { ...amd64, descriptor: { ...amd64.descriptor, size: 5 } };
    const report = await verified(layoutTar(wrong));
    expect(report.findings).toMatchObject([{ code: 'blob-size', where: 'index.json: manifests[0].size' }]);
  });

  it('judges a tar that is cut off by what is left of it', async () => {
    const tar = layoutTar(named('latest', amd64));
    const report = await verified(tar.subarray(0, tar.byteLength - 2000));
    expect(report.verdict).toBe('broken');
    expect(codes(report)).toContain('archive-cut-off');
  });

  it('only warns of a missing end mark where nothing else is missing', async () => {
    const entries = layoutEntries(index(amd64));
    const report = await verified(tarOf(entries, { end: false }));
    expect(report.verdict).toBe('sound');
    expect(codes(report, 'warning')).toEqual(['archive-cut-off']);
    const cut = await verified(tarOf(entries.slice(0, -1), { end: false }));
    expect(codes(cut)).toContain('archive-cut-off');
  });

  it('refuses two tars in a row, a name that is no blob, and a document that stands there twice', async () => {
    const entries = layoutEntries(index(amd64));
    const twice = Buffer.concat([tarOf(entries), tarOf(entries)]);
    expect(codes(await verified(twice))).toEqual(['archive-damaged']);
    const odd = await verified(tarOf([...entries, { name: 'blobs/sha256/../../etc/passwd', content: 'x' }]));
    expect(codes(odd)).toEqual(['archive-entry']);
    const other = await verified(tarOf([...entries, { name: 'index.json', content: '{}' }]));
    expect(codes(other)).toContain('archive-duplicate');
    const same = await verified(tarOf([...entries, ...entries]));
    expect(same.verdict).toBe('sound');
    expect(new Set(codes(same, 'note'))).toEqual(new Set(['archive-duplicate']));
  });

  it('ends with indexes that contain each other as deep as it looks', async () => {
    let nested: Built = indexOfType(OCI_INDEX, amd64);
    for (let depth = 0; depth < 30; depth++) nested = index(nested);
    const report = await verified(layoutTar(nested));
    expect(codes(report)).toContain('archive-limit');
  });

  it('keeps only as many findings as anybody reads, and counts the others', async () => {
    const strays = Array.from({ length: 1100 }, (_, at) => blob(`stray ${at}`));
    const entries = [
      ...layoutEntries(index()),
      ...strays.map((each) => ({ name: pathOf(each), content: each.bytes })),
    ];
    const report = await verified(tarOf(entries));
    expect(report).toMatchObject({ verdict: 'sound', notes: 1100 });
    expect(report.findings).toHaveLength(1000);
  });

  it('checks the configurations and layers of an archive of Docker', async () => {
    const part = layer('motd', 'hello\n');
    const raw = Buffer.from(
      JSON.stringify({
        architecture: 'amd64',
        os: 'linux',
        rootfs: { type: 'layers', diff_ids: [part.descriptor.digest] },
      }),
    );
    const configName = `${digestOf(raw).slice(7)}.json`;
    const archive = (content: Uint8Array, layers: readonly string[]) =>
      tarOf([
        {
          name: 'manifest.json',
          content: JSON.stringify([{ Config: configName, RepoTags: ['foo:1'], Layers: layers }]),
        },
        { name: configName, content: raw },
        { name: 'abc/layer.tar', content },
        { name: 'def/layer.tar', type: 'symlink', linkName: '../abc/layer.tar' },
      ]);
    for (const path of ['abc/layer.tar', 'def/layer.tar']) {
      const report = await verified(archive(part.bytes, [path]));
      expect(report).toMatchObject({ verdict: 'sound', format: 'docker', findings: [] });
      expect(states(report)).toEqual(['sound linux/amd64 foo:1']);
    }
    expect(codes(await verified(archive(withOneByteChanged(part.bytes), ['abc/layer.tar'])))).toEqual([
      'layer-digest',
    ]);
    expect(codes(await verified(archive(part.bytes, ['nowhere/layer.tar'])))).toEqual(['blob-missing']);
    expect(codes(await verified(archive(part.bytes, [])))).toEqual(['layer-count']);
  });

  it.each<[string, Uint8Array | string]>([
    ['nothing', new Uint8Array(0)],
    ['a text', Buffer.from('this is a text\n'.repeat(100))],
    ['a tar of something else', tarOf([{ name: 'README', content: 'hello' }])],
    ['a tar of nothing', tarOf([])],
  ])('is no judge of %s', async (_, bytes) => {
    const path = join(folder, 'nothing');
    await writeFile(path, bytes);
    await expect(verifyArchive(path)).rejects.toMatchObject({
      code: 'INVALID',
      message: expect.stringMatching(/^Cannot verify "/),
    });
    await expect(verifyArchive(Buffer.from(bytes))).rejects.toMatchObject({ code: 'INVALID' });
  });

  it('opens nothing outside of a folder', async () => {
    const path = await unpacked(layoutEntries(index(amd64)));
    const outside = blob('outside');
    await writeFile(join(folder, 'outside'), outside.bytes);
    await symlink(join(folder, 'outside'), join(path, pathOf(outside)));
    const report = await verifyArchive(path);
    expect(report.findings).toMatchObject([{ code: 'archive-entry', where: pathOf(outside) }]);
    await expect(verifyArchive(folder)).rejects.toMatchObject({ code: 'INVALID' });
  });

  it('tells exact totals of a file, and stops when it is told to', async () => {
    const tar = layoutTar(named('latest', both));
    const path = join(folder, 'progress.tar');
    await writeFile(path, tar);
    let moved = 0;
    let total: number | undefined;
    const report = await verifyArchive(path, {
      onProgress: (event) => {
        if (event.kind === 'bytes') moved += event.count;
        if (event.kind === 'total') total = event.totalBytes;
      },
    });
    expect([moved, total]).toEqual([report.blobs.bytes, report.blobs.bytes]);
    const reason = new Error('enough');
    for (const source of [path, tar]) {
      const controller = new AbortController();
      const onProgress = () => controller.abort(reason);
      await expect(verifyArchive(source, { signal: controller.signal, onProgress })).rejects.toBe(reason);
    }
  });
});
