/** Archives that are to cost more than they should: sizes, counts and depths that lie, or are true and too much. */
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { layoutEntries, layoutTar, named, tarOf, type Entry } from '../../test/support/build-archive.js';
import { dockerEntries, layerTar } from '../../test/support/build-docker-archive.js';
import { openMemoryStore } from '../backends/memory/index.js';
import { DEPTH_LIMIT as INDEX_DEPTH_LIMIT } from '../content/depth-limit.js';
import { isStowageError, type StowageError } from '../errors.js';
import type { Store } from '../images/store.js';
import { DEPTH_LIMIT, JSON_LIMIT, MANIFEST_LIMIT } from '../oci/json.js';
import { OCI_CONFIG, OCI_MANIFEST } from '../oci/media-type.js';
import { blob, config, index, layer, manifest, type Built } from '../testing/build-image.js';
import { importArchive } from './index.js';
import { encodeHeader, END_OF_ARCHIVE, MAX_META_HEADERS } from './tar/index.js';

const hello = manifest(config(), layer('a.txt', 'a'));
const layout = layoutEntries(index(named('latest', hello)));

let folder: string;
let store: Store;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-limits-'));
  store = openMemoryStore();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const forms = {
  'in a file': async (tar: Uint8Array) => {
    const path = join(folder, 'x.tar');
    await writeFile(path, tar);
    return importArchive(store, path);
  },
  'in a stream': (tar: Uint8Array) => importArchive(store, [tar]),
};

async function refusal(work: Promise<unknown>): Promise<StowageError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!isStowageError(error))
    throw new Error(`expected a StowageError, got ${String(error)}`, { cause: error });
  for await (const { name } of store.images.list()) throw new Error(`${name} was named`);
  return error;
}

/** The header of an entry that says any size, with a right checksum. */
function headerOfSize(name: string, size: Uint8Array): Buffer {
  const header = Buffer.from(encodeHeader({ name, mode: 0o644 }));
  header.set(size, 124);
  header.fill(' ', 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}

const base256 = (hex: string): Uint8Array =>
  Buffer.from(hex.padStart(24, hex.startsWith('f') ? 'f' : '0'), 'hex');

describe.each(Object.entries(forms))('an archive that costs too much %s', (_, run) => {
  it.each(['index.json', 'oci-layout', 'manifest.json', 'repositories'])(
    'CVE-2023-25153: %s beyond the limit is refused by its size, without being read',
    async (name) => {
      const header = Buffer.from(encodeHeader({ name, mode: 0o644, size: JSON_LIMIT + 1 }));
      const error = await refusal(
        run(Buffer.concat([tarOf(layout, { end: false }), header, Buffer.alloc(JSON_LIMIT)])),
      );
      // In a file this is found to be cut off before it is looked at.
      expect(['LIMIT_EXCEEDED', 'INVALID']).toContain(error.code);
      const whole = tarOf([{ name, content: Buffer.alloc(JSON_LIMIT + 1, ' ') }]);
      expect((await refusal(run(whole))).code).toBe('LIMIT_EXCEEDED');
    },
  );

  it('CVE-2023-25153: manifests and configs beyond their limit are refused', async () => {
    const long = ' '.repeat(MANIFEST_LIMIT);
    const large = blob(`${Buffer.from(hello.bytes).toString()}${long}`, OCI_MANIFEST);
    const asManifest: Built = { ...large, blobs: new Map([...hello.blobs, ...large.blobs]) };
    expect((await refusal(run(layoutTar(named('v1', asManifest))))).code).toBe('LIMIT_EXCEEDED');
    const asConfig = manifest(blob(`{"os":"linux","architecture":"amd64"}${long}`, OCI_CONFIG));
    expect((await refusal(run(layoutTar(named('v1', asConfig))))).code).toBe('LIMIT_EXCEEDED');
  });

  it('JSON nested without end is refused before it is parsed', async () => {
    const deep = `${'['.repeat(DEPTH_LIMIT + 1)}${']'.repeat(DEPTH_LIMIT + 1)}`;
    const entries = layout.map((entry) =>
      entry.name === 'index.json' ? { ...entry, content: `{"schemaVersion":2,"manifests":${deep}}` } : entry,
    );
    expect((await refusal(run(tarOf(entries)))).code).toBe('LIMIT_EXCEEDED');
    expect((await refusal(run(tarOf([{ name: 'manifest.json', content: deep }])))).code).toBe(
      'LIMIT_EXCEEDED',
    );
  });

  it('indexes in indexes without end are refused', async () => {
    let nested: Built = hello;
    for (let depth = 0; depth <= INDEX_DEPTH_LIMIT; depth++) nested = index(nested);
    expect((await refusal(run(layoutTar(named('v1', nested))))).code).toBe('LIMIT_EXCEEDED');
  });

  it('indexes that list each other over and over cost no more than once', async () => {
    let bomb: Built = hello;
    for (let level = 0; level < 12; level++) bomb = index(...Array.from({ length: 16 }, () => bomb));
    const { images } = await run(layoutTar(named('v1', bomb)));
    expect(images[0]?.platforms).toHaveLength(1);
  });

  it('an index that lists itself is refused: it cannot have the digest that it says', async () => {
    const claimed = {
      mediaType: 'application/vnd.oci.image.index.v1+json',
      digest: `sha256:${'a'.repeat(64)}`,
    };
    const content = JSON.stringify({ schemaVersion: 2, manifests: [{ ...claimed, size: 200 }] }).padEnd(200);
    const entries: Entry[] = [
      { name: 'oci-layout', content: '{"imageLayoutVersion":"1.0.0"}' },
      { name: 'index.json', content },
      { name: `blobs/sha256/${'a'.repeat(64)}`, content },
    ];
    expect((await refusal(run(tarOf(entries)))).code).toBe('MISMATCH');
  });

  it('images of Docker 1.0 that are their own ancestors are refused', async () => {
    const [one, two] = ['1'.repeat(64), '2'.repeat(64)];
    const version = (id: string, parent: string): Entry[] => [
      { name: `${id}/json`, content: JSON.stringify({ id, parent, os: 'linux', architecture: 'amd64' }) },
      { name: `${id}/layer.tar`, content: layerTar('a.txt', id) },
    ];
    const loop = [...version(one, two), ...version(two, one)];
    const repositories = { name: 'repositories', content: JSON.stringify({ evil: { latest: one } }) };
    expect(await refusal(run(tarOf([...loop, repositories])))).toMatchObject({
      code: 'INVALID',
      message: expect.stringContaining('ancestor') as string,
    });
  });

  it.each([
    ['negative', 'ffffffffffffffffffffffff', 'INVALID'],
    ['past 2^53', '800000000020000000000000', 'LIMIT_EXCEEDED'],
    ['past 2^64', '8fffffffffffffffffffffff', 'INVALID'],
    ['larger than the archive', '800000000010000000000000', 'INVALID'],
  ])('an entry whose size is %s is refused', async (_what, hex, code) => {
    for (const name of ['blobs/sha256/' + 'a'.repeat(64), 'other']) {
      const tar = Buffer.concat([headerOfSize(name, base256(hex)), Buffer.from(tarOf(layout))]);
      expect((await refusal(run(tar))).code).toBe(code);
    }
  });

  it.each([-1, -(2 ** 63), 1.5, 1e308, 2 ** 64, '7', null])(
    'a descriptor whose size is %j is refused (image-spec#1285)',
    async (size) => {
      const entry = { mediaType: OCI_MANIFEST, digest: hello.descriptor.digest, size };
      const entries = layout.map((found) =>
        found.name === 'index.json'
          ? { ...found, content: JSON.stringify({ schemaVersion: 2, manifests: [entry] }) }
          : found,
      );
      expect((await refusal(run(tarOf(entries)))).code).toBe('INVALID');
    },
  );

  it('a descriptor with another size than its blob has is refused', async () => {
    const image = { ...hello, descriptor: { ...hello.descriptor, size: 2 ** 52 } };
    expect((await refusal(run(layoutTar(named('v1', image))))).code).toBe('MISMATCH');
  });

  it('extended headers without an entry are refused after the first few', async () => {
    const meta = headerOfSize('x', Buffer.from('00000000000\0'));
    meta[156] = 'x'.charCodeAt(0);
    meta.fill(' ', 148, 156);
    const sum = meta.reduce((total, byte) => total + byte, 0);
    meta.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    const flood = Buffer.concat(Array.from({ length: MAX_META_HEADERS + 1 }, () => meta));
    expect((await refusal(run(Buffer.concat([flood, tarOf(layout)])))).code).toBe('LIMIT_EXCEEDED');
  });
});

describe('a bomb in the outer compression', () => {
  const MIB = Buffer.alloc(1 << 20);

  /** A document of `mebibytes` zeros, as a gzipped tar that is about a thousand times smaller. */
  async function bomb(name: string, mebibytes: number, before: readonly Entry[] = []): Promise<string> {
    const path = join(folder, 'bomb.tar.gz');
    const parts = function* () {
      yield tarOf(before, { end: false });
      yield encodeHeader({ name, mode: 0o644, size: mebibytes << 20 });
      for (let left = mebibytes; left > 0; left--) yield MIB;
      yield END_OF_ARCHIVE;
    };
    await pipeline(Readable.from(parts()), createGzip({ level: 1 }), createWriteStream(path));
    return path;
  }

  it.each(['index.json', 'manifest.json'])(
    'CVE-2017-14992: is refused by the size it announces, without being inflated: %s',
    async (name) => {
      const path = await bomb(name, 256);
      let read = 0;
      const chunks = async function* () {
        for await (const chunk of createReadStream(path, { highWaterMark: 4096 })) {
          read += (chunk as Buffer).byteLength;
          yield chunk as Buffer;
        }
      };
      expect((await refusal(importArchive(store, chunks()))).code).toBe('LIMIT_EXCEEDED');
      expect(read).toBeLessThan(256 * 1024);
      expect((await refusal(importArchive(store, path))).code).toBe('LIMIT_EXCEEDED');
    },
  );

  it('CVE-2017-14992: an entry that nobody needs passes through in constant memory', async () => {
    const path = await bomb('README', 512, layout);
    const before = process.memoryUsage().arrayBuffers;
    let highest = 0;
    const watched = async function* () {
      for await (const chunk of createReadStream(path, { highWaterMark: 16384 })) {
        highest = Math.max(highest, process.memoryUsage().arrayBuffers);
        yield chunk as Buffer;
      }
    };
    expect((await importArchive(store, watched())).images).toHaveLength(1);
    expect(highest - before).toBeLessThan(128 << 20);
  });

  it('CVE-2017-14992: a layer of Docker is counted while it is inflated, not kept', async () => {
    const plain = { path: 'a/layer.tar', content: layerTar('a.txt', 'a') };
    const entries = dockerEntries([plain], ['evil:latest']);
    const path = join(folder, 'layers.tar');
    const zeros = function* () {
      for (let left = 256; left > 0; left--) yield MIB;
    };
    const zipped: Buffer[] = [];
    await pipeline(
      Readable.from(zeros()),
      createGzip({ level: 1 }),
      async (chunks: AsyncIterable<Buffer>) => {
        for await (const chunk of chunks) zipped.push(chunk);
      },
    );
    const swollen = entries.map((entry) =>
      entry.name === plain.path ? { ...entry, content: Buffer.concat(zipped) } : entry,
    );
    await writeFile(path, tarOf(swollen));
    const before = process.memoryUsage().arrayBuffers;
    expect((await refusal(importArchive(store, path))).code).toBe('MISMATCH');
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(128 << 20);
  });
});
