/**
 * Hostile archives, each test after the vulnerability or the pattern that it repeats. What is not here has no place in
 * a store that takes archives in without unpacking a layer, running a program or answering a network:
 *
 * - races and links while unpacking (CVE-2025-47290, CVE-2025-5981, CVE-2026-55686, CVE-2024-12905, CVE-2025-48387,
 *   CVE-2025-59343, GHSA-rp3h-jf77-q9p4, and what CVE-2026-23745, -24842, -26960 do to files on disk): no layer is
 *   unpacked. Their names and links in the archive itself are below;
 * - what happens in a container (CVE-2026-53488, GHSA-jpcc-p29g-p8mq, CVE-2026-41567): none is started, labels reach no
 *   command, and decompressors are part of this process;
 * - credentials of a registry and its deletions (GHSA-8xwf-rjm4-xvhv and its relatives, GHSA-6pjf-3r9x-m592): nothing
 *   here speaks to one.
 *
 * Limits have tests of their own beside this file.
 */
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  layoutEntries,
  layoutTar,
  named,
  pathOf,
  tarOf,
  type Entry,
} from '../../test/support/build-archive.js';
import { dockerConfig, dockerEntries, hexOf, layerTar } from '../../test/support/build-docker-archive.js';
import { openStore } from '../backends/dir/index.js';
import { isStowageError, type StowageError } from '../errors.js';
import type { Store } from '../images/store.js';
import { OCI_INDEX, OCI_MANIFEST } from '../oci/media-type.js';
import { blob, config, index, layer, manifest, pointedTo, type Built } from '../testing/build-image.js';
import { inPieces } from '../testing/content.js';
import { importArchive, type ImportOptions } from './index.js';

const base = layer('base.txt', 'base');
const hello = manifest(config(), base);
const layout = layoutEntries(index(named('latest', hello)));
const plain = { path: 'a/layer.tar', content: layerTar('a.txt', 'a') };

let folder: string;
let store: Store;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-security-'));
  await mkdir(join(folder, 'deep', 'root'), { recursive: true });
  store = await openStore({ root: join(folder, 'deep', 'root') });
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

const forms = {
  'in a file': async (tar: Uint8Array, options?: ImportOptions) => {
    const path = join(folder, 'x.tar');
    await writeFile(path, tar);
    return importArchive(store, path, options);
  },
  'in a stream': (tar: Uint8Array, options?: ImportOptions) =>
    importArchive(store, inPieces(tar, 700), options),
};

/** The refusal, after which nothing may be named, and nothing lie outside the root. */
async function refusal(work: Promise<unknown>): Promise<StowageError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!isStowageError(error))
    throw new Error(`expected a StowageError, got ${String(error)}`, { cause: error });
  expect(await names()).toEqual([]);
  await expectNothingOutside();
  return error;
}

async function names(): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of store.images.list()) found.push(name);
  return found;
}

async function expectNothingOutside(): Promise<void> {
  const here = (await readdir(folder)).filter((name) => name !== 'x.tar');
  expect([...here, ...(await readdir(join(folder, 'deep')))]).toEqual(['deep', 'root']);
  const inRoot = await readdir(join(folder, 'deep', 'root'));
  const known = /^(?:blobs|holders|index\.json|ingest|metadata\.db.*|oci-layout|reserve)$/;
  expect(inRoot.filter((name) => !known.test(name))).toEqual([]);
  expect((await readdir(join(folder, 'deep', 'root', 'blobs'))).sort()).toEqual(['sha256']);
}

const dockerManifest = (fields: object): Entry => ({
  name: 'manifest.json',
  content: JSON.stringify([fields]),
});
const indexJson = (content: object): Entry[] => [
  { name: 'oci-layout', content: '{"imageLayoutVersion":"1.0.0"}' },
  { name: 'index.json', content: JSON.stringify({ schemaVersion: 2, ...content }) },
];

describe.each(Object.entries(forms))('a hostile archive %s', (_, run) => {
  const HOSTILE_NAMES = [
    '../outside',
    '../../outside',
    '/outside',
    './../outside',
    '..\\..\\outside',
    'C:\\outside',
    'sub/../../../outside',
  ];

  it.each(HOSTILE_NAMES)(
    'CVE-2014-9358, ggcr#2227, apple/container: no entry name becomes a path: %j',
    async (name) => {
      const { images } = await run(tarOf([{ name, content: 'evil' }, ...layout]));
      expect(images).toHaveLength(1);
      await expectNothingOutside();
    },
  );

  it.each(['blobs/sha256/../../outside', 'blobs/../outside', 'blobs/sha256/..', 'blobs/outside'])(
    'CVE-2014-9358: a name below blobs/ that is no digest is refused: %j',
    async (name) => {
      const error = await refusal(run(tarOf([...layout, { name, content: 'evil' }])));
      expect(['INVALID', 'UNSUPPORTED']).toContain(error.code);
      expect(error.message).toContain(name);
    },
  );

  it.each(['../../../outside', '/outside', '..', `${'a'.repeat(64)}/../../outside`])(
    'CVE-2014-9358: an image ID of Docker 1.0 that is no ID is refused: %j',
    async (id) => {
      const json = JSON.stringify({ id, os: 'linux', architecture: 'amd64' });
      const entries = [
        { name: `${id}/json`, content: json },
        { name: `${id}/layer.tar`, content: layerTar('a.txt', 'a') },
        { name: 'repositories', content: JSON.stringify({ evil: { latest: id } }) },
      ];
      expect((await refusal(run(tarOf(entries)))).code).toBe('INVALID');
    },
  );

  it('CVE-2014-9358: the ID that an image of Docker 1.0 claims is no identity: its content is', async () => {
    const folderId = '1'.repeat(64);
    const archive = (id: string, tag: string): Uint8Array =>
      tarOf([
        { name: `${folderId}/json`, content: JSON.stringify({ id, os: 'linux', architecture: 'amd64' }) },
        { name: `${folderId}/layer.tar`, content: plain.content },
        { name: 'repositories', content: JSON.stringify({ claims: { [tag]: folderId } }) },
      ]);
    const honest = await run(archive(folderId, 'honest'));
    const spoofed = await run(archive('2'.repeat(64), 'spoofed'));
    expect(spoofed.images[0]?.target.digest).toBe(honest.images[0]?.target.digest);
  });

  it.each(['/etc/passwd', '../../../../../../etc/passwd', 'a/../../../../etc/passwd'])(
    'CVE-2024-3727, CVE-2014-9358: config and layers of Docker are looked up in the archive only: %j',
    async (path) => {
      const configuration = dockerConfig([plain]);
      const name = `${hexOf(configuration)}.json`;
      const all = [
        { name: plain.path, content: plain.content },
        { name, content: configuration },
      ];
      const asConfig = dockerManifest({ Config: path, RepoTags: ['evil:latest'], Layers: [plain.path] });
      expect((await refusal(run(tarOf([...all, asConfig])))).code).toBe('INVALID');
      const asLayer = dockerManifest({ Config: name, RepoTags: ['evil:latest'], Layers: [path] });
      expect((await refusal(run(tarOf([...all, asLayer])))).code).toBe('INVALID');
    },
  );

  it.each(['symlink', 'hard-link'] as const)(
    'CVE-2026-50163, CVE-2026-23745: a layer that is a %s out of the archive is refused',
    async (type) => {
      for (const linkName of [
        '/etc/passwd',
        '../../../../../../etc/passwd',
        'etc/passwd',
        '..\\..\\etc\\passwd',
      ]) {
        const entries = dockerEntries([plain], ['evil:latest']).map((entry) =>
          entry.name === plain.path ? { name: entry.name, type, linkName } : entry,
        );
        expect(await refusal(run(tarOf(entries)))).toMatchObject({
          code: 'INVALID',
          message: expect.stringContaining(plain.path) as string,
        });
      }
    },
  );

  it('CVE-2026-24842, CVE-2026-26960: a chain of links is followed among names only, and a circle ends', async () => {
    const hop: Entry[] = [
      { name: plain.path, type: 'symlink', linkName: '../up/layer.tar' },
      { name: 'up', type: 'symlink', linkName: '/' },
      { name: 'up/layer.tar', type: 'hard-link', linkName: plain.path },
    ];
    const entries = dockerEntries([plain], ['evil:latest']).filter(({ name }) => name !== plain.path);
    expect((await refusal(run(tarOf([...hop, ...entries])))).code).toBe('INVALID');
  });

  it.each(['/', '.', './', 'blobs', 'blobs/sha256', 'index.json', 'oci-layout'])(
    'CVE-2021-29136: a link in the place of %j is passed over, and nothing is written through it',
    async (name) => {
      const outside = join(folder, 'outside');
      const links: Entry[] = [
        { name, type: 'symlink', linkName: outside },
        { name, type: 'hard-link', linkName: '/etc/passwd' },
      ];
      const { images } = await run(tarOf([...links, ...layout, ...links]));
      expect(images).toHaveLength(1);
      await expectNothingOutside();
    },
  );

  it('CVE-2014-8178: a blob that is not what it is called is refused', async () => {
    const entries = layout.map((entry) =>
      entry.name === pathOf(base) ? { ...entry, content: Buffer.alloc(base.bytes.byteLength, 'x') } : entry,
    );
    expect(await refusal(run(tarOf(entries)))).toMatchObject({
      code: 'MISMATCH',
      message: expect.stringContaining(base.descriptor.digest) as string,
    });
  });

  it('CVE-2014-8178: a layer of Docker whose content is not that of its diff ID is refused', async () => {
    const entries = dockerEntries([plain], ['evil:latest']).map((entry) =>
      entry.name === plain.path ? { ...entry, content: layerTar('a.txt', 'b') } : entry,
    );
    expect((await refusal(run(tarOf(entries)))).code).toBe('MISMATCH');
  });

  it('CVE-2014-8178: what the store holds is not replaced by what an archive calls the same', async () => {
    await run(layoutTar(named('latest', hello)), { ref: 'a/good:latest' });
    const entries = layout.map((entry) =>
      entry.name === pathOf(base) ? { ...entry, content: Buffer.alloc(base.bytes.byteLength, 'x') } : entry,
    );
    await run(tarOf(entries), { ref: 'a/bad:latest' });
    const parts: Uint8Array[] = [];
    for await (const part of store.content.read(base.descriptor)) parts.push(part);
    expect(Buffer.concat(parts).equals(base.bytes)).toBe(true);
  });

  it.each([
    ['an index', OCI_INDEX],
    ['a manifest', OCI_MANIFEST],
  ])(
    'CVE-2021-41190: a document with the fields of both kinds is refused as %s',
    async (_kind, mediaType) => {
      const { config: ofConfig, layers } = JSON.parse(Buffer.from(hello.bytes).toString()) as Record<
        string,
        unknown
      >;
      const both = { schemaVersion: 2, config: ofConfig, layers, manifests: [hello.descriptor] };
      const confused = blob(JSON.stringify(both), mediaType);
      const image: Built = { ...confused, blobs: new Map([...hello.blobs, ...confused.blobs]) };
      expect(await refusal(run(layoutTar(named('latest', image))))).toMatchObject({
        code: 'INVALID',
        message: expect.stringContaining('ambiguous') as string,
      });
    },
  );

  it('CVE-2021-41190: a manifest that is announced as an index is refused, and so is the opposite', async () => {
    for (const [image, mediaType] of [
      [hello, OCI_INDEX],
      [index(hello), OCI_MANIFEST],
    ] as const) {
      const error = await refusal(run(layoutTar(named('latest', pointedTo(image, { mediaType })))));
      expect(error.code).toBe('INVALID');
    }
  });

  it('CVE-2021-41190: a key twice, or in a case that Go takes for it, is refused', async () => {
    const text = Buffer.from(hello.bytes).toString();
    for (const twisted of [
      text.replace('"layers":', '"layers":[],"layers":'),
      text.replace('"layers":', '"Layers":[],"layers":'),
    ]) {
      const image = blob(twisted, OCI_MANIFEST);
      const whole: Built = { ...image, blobs: new Map([...hello.blobs, ...image.blobs]) };
      expect((await refusal(run(layoutTar(named('latest', whole))))).code).toBe('INVALID');
    }
  });

  it.each(['index.json', 'oci-layout', 'manifest.json'])(
    'a parser differential: %s twice with different content is refused',
    async (name) => {
      const extra = { name: 'manifest.json', content: '[]' };
      const entries = [...layout, extra];
      const first = entries.find((entry) => entry.name === name)?.content ?? '';
      const again = { name, content: `${Buffer.from(first).toString()} ` };
      expect(await refusal(run(tarOf([...entries, again])))).toMatchObject({
        code: 'INVALID',
        message: expect.stringContaining('twice') as string,
      });
    },
  );

  const HEX = 'a'.repeat(64);
  it.each([
    `sha256:../../../../../${HEX.slice(15)}`,
    `sha256:/etc/passwd`,
    `../sha256:${HEX}`,
    `sha256:${HEX.toUpperCase()}`,
    `sha256:${HEX}\n`,
    `sha256:${HEX.slice(1)}`,
    `sha256:${HEX}/../x`,
    'sha256:',
    ':',
    '',
    `__proto__:${HEX}`,
  ])('CVE-2024-3727: a digest outside the grammar is refused wherever it stands: %j', async (digest) => {
    const bad = { mediaType: OCI_MANIFEST, digest, size: 1 };
    const inIndex = await refusal(run(tarOf(indexJson({ manifests: [bad] }))));
    expect(['INVALID', 'UNSUPPORTED']).toContain(inIndex.code);
    const good = JSON.parse(Buffer.from(hello.bytes).toString()) as object;
    for (const fields of [{ config: bad }, { layers: [bad] }, { subject: bad }]) {
      const built = blob(JSON.stringify({ ...good, ...fields }), OCI_MANIFEST);
      const image: Built = { ...built, blobs: new Map([...hello.blobs, ...built.blobs]) };
      const error = await refusal(run(layoutTar(named('latest', image))));
      expect(['INVALID', 'UNSUPPORTED']).toContain(error.code);
    }
  });

  it('CVE-2025-24882: a digest that is asked for is never answered with other content', async () => {
    const { digest } = hello.descriptor;
    const other = manifest(config({ architecture: 'arm64' }));
    const absent = await refusal(run(layoutTar(named('latest', other)), { ref: `a/b@${digest}` }));
    expect(absent.code).toBe('NOT_FOUND');
    const spoofed = layout.map((entry) =>
      entry.name === pathOf(hello) ? { ...entry, content: other.bytes } : entry,
    );
    const error = await refusal(run(tarOf(spoofed), { ref: `a/b@${digest}` }));
    expect(error.code).toBe('MISMATCH');
  });

  it('CVE-2026-50195: an archive moves no name that is taken, unless it is told to', async () => {
    const taken = 'docker.io/library/busybox:latest';
    await run(layoutTar(named('latest', hello)), { ref: taken });
    const evil = layoutTar(named(taken, manifest(config({ architecture: 'arm64' }))));
    await expect(run(evil)).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
    expect((await store.images.get(taken))?.target.digest).toBe(hello.descriptor.digest);
    const { images } = await run(evil, { onConflict: 'skip' });
    expect(images).toMatchObject([{ name: taken, outcome: 'skipped' }]);
    expect((await store.images.get(taken))?.target.digest).toBe(hello.descriptor.digest);
    expect((await run(evil, { onConflict: 'move' })).images).toMatchObject([
      { outcome: 'moved', previous: hello.descriptor.digest },
    ]);
  });

  it('CVE-2026-50195: a name that a terminal would obey is refused', async () => {
    const error = await refusal(run(layoutTar(named('docker.io/x\u001b[2J:latest', hello))));
    expect(error.code).toBe('INVALID');
    expect(error.message).not.toMatch(/\p{Cc}/u);
  });

  it('a key __proto__ or constructor in a document changes nothing but the document', async () => {
    const text = Buffer.from(hello.bytes).toString();
    const polluted = text.replace(
      '{',
      '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":1}},',
    );
    const image = blob(polluted, OCI_MANIFEST);
    const whole: Built = { ...image, blobs: new Map([...hello.blobs, ...image.blobs]) };
    expect((await run(layoutTar(named('latest', whole)))).images).toHaveLength(1);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});

describe('a hostile folder', () => {
  const FILES: readonly Entry[] = layout;

  async function layOut(without: string): Promise<string> {
    const place = await mkdtemp(join(tmpdir(), 'stowage-folder-'));
    for (const { name, content = '' } of FILES) {
      if (name === without) continue;
      await mkdir(dirname(join(place, name)), { recursive: true });
      await writeFile(join(place, name), content);
    }
    return place;
  }

  it.each(['index.json', 'oci-layout', pathOf(base)])(
    'CVE-2026-50163, GHSA-vh4v-2xq2-g5cg: a link in the place of %s is not followed out of it',
    async (name) => {
      const place = await layOut(name);
      try {
        await symlink('/etc/passwd', join(place, name));
        expect((await refusal(importArchive(store, place))).code).toBe('INVALID');
      } finally {
        await rm(place, { recursive: true, force: true });
      }
    },
  );
});
