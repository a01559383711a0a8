import { createHash, randomBytes } from 'node:crypto';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmod,
  link,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { platform, tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openStore } from '../backends/dir/index.js';
import { openMemoryStore } from '../backends/memory/index.js';
import { isStowageError, type StowageError } from '../errors.js';
import type { Store } from '../images/store.js';
import { DOCKER_FOREIGN_LAYER_GZIP, OCI_EMPTY } from '../oci/media-type.js';
import {
  blob,
  config,
  forPlatform,
  index,
  layer,
  manifest,
  putImage,
  type Built,
} from '../testing/build-image.js';
import { indexTar } from './tar/index.js';
import { exportArchive, importArchive, type ExportOptions } from './index.js';

const hello = manifest(config(), layer('base.txt', 'base'), layer('hello.txt', 'hello'));
const other = manifest(
  config({ architecture: 'arm64' }),
  layer('base.txt', 'base'),
  layer('other.txt', 'other'),
);
const both = index(forPlatform('linux/arm64', other), forPlatform('linux/amd64', hello));

let folder: string;
let store: Store;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-export-'));
  store = openMemoryStore();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function keep(name: string, image: Built, without: readonly Built[] = []): Promise<void> {
  await putImage(store.content, image, without);
  await store.images.apply([{ op: 'create', name, target: image.descriptor }]);
}

/** The archive as entry names and bytes. */
async function exported(names: string[], options?: ExportOptions): Promise<Map<string, Buffer>> {
  const path = join(folder, 'out.tar');
  const { size } = await exportArchive(store, names, path, options);
  expect((await stat(path)).size).toBe(size);
  const entries = new Map<string, Buffer>();
  const file = await open(path);
  for await (const entry of indexTar(file)) {
    const bytes = Buffer.alloc(entry.size);
    await file.read(bytes, 0, entry.size, entry.dataOffset);
    entries.set(entry.name, bytes);
  }
  await file.close();
  return entries;
}

interface IndexJson {
  readonly manifests: { readonly digest: string; readonly annotations: Record<string, string> }[];
}
const jsonOf = (entries: Map<string, Buffer>, name: string) =>
  JSON.parse(String(entries.get(name))) as unknown;
const refNames = (entries: Map<string, Buffer>) =>
  (jsonOf(entries, 'index.json') as IndexJson).manifests.map(({ annotations }) => [
    annotations['io.containerd.image.name'],
    annotations['org.opencontainers.image.ref.name'],
  ]);

async function failure(work: Promise<unknown>): Promise<StowageError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!isStowageError(error))
    throw new Error(`expected a StowageError, got ${String(error)}`, { cause: error });
  return error;
}

describe('exportArchive()', () => {
  it('writes the index first, then manifests, configs and layers, each once', async () => {
    await keep('docker.io/library/a:latest', both);
    const kinds = [...(await exported(['docker.io/library/a:latest'])).keys()];
    expect(kinds.slice(0, 5)).toEqual([
      'oci-layout',
      'index.json',
      'manifest.json',
      'blobs/',
      'blobs/sha256/',
    ]);
    expect(kinds).toHaveLength(5 + both.blobs.size);
    expect(new Set(kinds).size).toBe(kinds.length);
  });

  it('writes the same bytes for the same names, whatever else the store holds', async () => {
    await keep('docker.io/library/a:latest', both);
    const path = join(folder, 'a.tar');
    await exportArchive(store, ['docker.io/library/a:latest'], path);
    expect(
      createHash('sha256')
        .update(await readFile(path))
        .digest('hex'),
    ).toMatchInlineSnapshot(`"8b9e2eb703a9fd7578c1af0cfaeb2f7ae4eef868e66f1adaa8c0bda5bfb71734"`);

    const before = await readFile(path);
    await keep('docker.io/library/b:latest', hello);
    await store.content.setLabels(both.descriptor.digest, { 'containerd.io/distribution.source.x': 'y' });
    await store.images.apply([{ op: 'update', name: 'docker.io/library/a:latest', labels: { mine: '1' } }]);
    await exportArchive(store, ['docker.io/library/a'], path);
    expect(before.equals(await readFile(path))).toBe(true);
  });

  it('calls an image by its tag, and images that share a tag by their full names', async () => {
    await keep('docker.io/library/a:latest', hello);
    await keep('docker.io/library/b:latest', other);
    await keep('docker.io/library/c:latest', hello);
    await keep('docker.io/library/a:2', hello);
    expect(refNames(await exported(['docker.io/library/a:latest', 'docker.io/library/c:latest']))).toEqual([
      ['docker.io/library/a:latest', 'latest'],
      ['docker.io/library/c:latest', 'latest'],
    ]);
    expect(
      refNames(await exported(['docker.io/library/a:latest', 'docker.io/library/b:latest', 'a:2'])),
    ).toEqual([
      ['docker.io/library/a:latest', 'docker.io/library/a:latest'],
      ['docker.io/library/b:latest', 'docker.io/library/b:latest'],
      ['docker.io/library/a:2', '2'],
    ]);
  });

  it('lists an image once in manifest.json, under all its names as Docker shows them', async () => {
    await keep('docker.io/library/a:latest', both);
    await keep('quay.example/x/a:2', both);
    await keep(`import-1@${both.descriptor.digest}`, both);
    await keep('docker.io/library/b:latest', other);
    const names = ['a', 'quay.example/x/a:2', `import-1@${both.descriptor.digest}`, 'b'];
    const list = jsonOf(await exported(names), 'manifest.json') as {
      Config: string;
      RepoTags: string[] | null;
    }[];
    expect(list.map(({ RepoTags }) => RepoTags)).toEqual([['a:latest', 'quay.example/x/a:2'], ['b:latest']]);
    const unnamed = await exported([`import-1@${both.descriptor.digest}`]);
    expect(jsonOf(unnamed, 'manifest.json')).toMatchObject([{ RepoTags: null }]);
  });

  it('lists linux/amd64 for Docker, else the first platform asked for, else the first there is', async () => {
    await keep('a/b:1', both);
    const configOf = async (options?: ExportOptions) =>
      (jsonOf(await exported(['a/b:1'], options), 'manifest.json') as { Config: string }[])[0]?.Config;
    const amd64 = `blobs/${config().descriptor.digest.replace(':', '/')}`;
    const arm64 = `blobs/${config({ architecture: 'arm64' }).descriptor.digest.replace(':', '/')}`;
    expect(await configOf()).toBe(amd64);
    expect(await configOf({ platforms: [{ os: 'linux', architecture: 'arm64' }] })).toBe(arm64);
    await store.content.delete(hello.descriptor.digest);
    expect(await configOf()).toBe(arm64);
  });

  it('gives artifacts no entry in manifest.json, and no manifest.json where nothing is left for it', async () => {
    const artifact = manifest(blob('{}', OCI_EMPTY), blob('sbom', 'text/plain'), {
      artifactType: 'example/sbom',
    });
    await keep('a/sbom:1', artifact);
    await keep('a/b:1', hello);
    expect([...(await exported(['a/sbom:1'])).keys()]).not.toContain('manifest.json');
    expect([...(await exported(['a/b:1'], { skipManifestJson: true })).keys()]).not.toContain(
      'manifest.json',
    );
    expect(jsonOf(await exported(['a/sbom:1', 'a/b:1']), 'manifest.json')).toHaveLength(1);
  });

  it('leaves the index whole and only the other platforms out', async () => {
    await keep('a/b:1', both);
    const entries = await exported(['a/b:1'], { platforms: [{ os: 'linux', architecture: 'arm64' }] });
    const names = [...entries.keys()].join();
    expect(names).toContain(both.descriptor.digest.slice(7));
    expect(names).toContain(other.descriptor.digest.slice(7));
    expect(names).not.toContain(hello.descriptor.digest.slice(7));
    const error = await failure(exported(['a/b:1'], { platforms: [{ os: 'linux', architecture: 's390x' }] }));
    expect([error.code, error.message]).toEqual(['NOT_FOUND', expect.stringContaining('linux/s390x')]);
  });

  it('leaves layers out that may not be distributed, when told so', async () => {
    const foreign = blob('foreign', DOCKER_FOREIGN_LAYER_GZIP);
    await keep('a/win:1', manifest(config({ os: 'windows' }), foreign, layer('x', 'x')));
    const path = foreign.descriptor.digest.slice(7);
    expect([...(await exported(['a/win:1'])).keys()].join()).toContain(path);
    expect([...(await exported(['a/win:1'], { skipNonDistributable: true })).keys()].join()).not.toContain(
      path,
    );
  });

  it('exports one manifest of an index under the name given, and another ref.name when asked', async () => {
    await putImage(store.content, both);
    const entries = await exported(['a/b:1'], { manifest: other.descriptor.digest, ociRefName: 'mine' });
    expect(refNames(entries)).toEqual([['a/b:1', 'mine']]);
    expect((jsonOf(entries, 'index.json') as IndexJson).manifests[0]?.digest).toBe(other.descriptor.digest);
  });

  it('refuses what cannot be exported before anything is written', async () => {
    await keep('a/b:1', both, [layer('hello.txt', 'hello')]);
    const path = join(folder, 'kept.tar');
    await writeFile(path, 'kept');
    for (const [names, code, text] of [
      [[], 'INVALID', 'no image is named'],
      [['nothing'], 'NOT_FOUND', 'image "nothing": not found'],
      [['a/b:1'], 'INVALID', 'is damaged'],
    ] as const) {
      const error = await failure(exportArchive(store, names, path));
      expect([error.code, error.message]).toEqual([code, expect.stringContaining(text)]);
    }
    expect(await readFile(path, 'utf8')).toBe('kept');
    expect(await readdir(folder)).toEqual(['kept.tar']);
  });

  it('gives back on import exactly what was exported', async () => {
    await keep('docker.io/library/a:latest', both);
    await keep('docker.io/library/b:latest', other);
    const path = join(folder, 'a.tar');
    await exportArchive(store, ['a', 'b'], path);
    const second = openMemoryStore();
    await importArchive(second, path);
    for (const [digest, bytes] of both.blobs) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of second.content.read({ digest })) chunks.push(chunk);
      expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
    }
    expect((await second.images.get('docker.io/library/b:latest'))?.target.digest).toBe(
      other.descriptor.digest,
    );
  });
});

describe('exportArchive() to a file', () => {
  beforeEach(() => keep('a/b:1', both));

  it('replaces what a symbolic link points to, keeping link and permissions', async () => {
    await mkdir(join(folder, 'real'));
    const target = join(folder, 'real', 'x.tar');
    await writeFile(target, 'old');
    await chmod(target, 0o640);
    await symlink('real/x.tar', join(folder, 'link.tar'));
    await exportArchive(store, ['a/b:1'], pathToFileURL(join(folder, 'link.tar')));
    expect((await stat(target)).mode & 0o777).toBe(0o640);
    expect((await stat(target)).size).toBeGreaterThan(1000);
    expect(await readdir(join(folder, 'real'))).toEqual(['x.tar']);
  });

  it('makes the file a dangling link points to', async () => {
    await symlink('made.tar', join(folder, 'link.tar'));
    await exportArchive(store, ['a/b:1'], join(folder, 'link.tar'));
    expect((await stat(join(folder, 'made.tar'))).size).toBeGreaterThan(1000);
  });

  it('does not write through to other names of the old file', async () => {
    await writeFile(join(folder, 'x.tar'), 'old');
    await link(join(folder, 'x.tar'), join(folder, 'backup.tar'));
    await exportArchive(store, ['a/b:1'], join(folder, 'x.tar'));
    expect(await readFile(join(folder, 'backup.tar'), 'utf8')).toBe('old');
  });

  it('keeps the old file and leaves nothing behind when it is stopped', async () => {
    const path = join(folder, 'x.tar');
    await writeFile(path, 'old');
    const controller = new AbortController();
    const reason = new Error('enough');
    const onProgress = () => controller.abort(reason);
    await expect(
      exportArchive(store, ['a/b:1'], path, { signal: controller.signal, onProgress }),
    ).rejects.toBe(reason);
    expect(await readFile(path, 'utf8')).toBe('old');
    expect(await readdir(folder)).toEqual(['x.tar']);
  });

  it('writes straight into a pipe', async () => {
    const pipe = join(folder, 'pipe');
    await promisify(execFile)('mkfifo', [pipe]);
    const reader = spawn('tar', ['-tf', pipe]);
    const listing: Buffer[] = [];
    reader.stdout.on('data', (chunk: Buffer) => listing.push(chunk));
    const closed = once(reader, 'close');
    await exportArchive(store, ['a/b:1'], pipe);
    await closed;
    expect(String(Buffer.concat(listing)).split('\n')[0]).toBe('oci-layout');
    expect((await stat(pipe)).isFIFO()).toBe(true);
  });

  it.skipIf(platform() !== 'linux')(
    'writes into a pipe that has no path, as /dev/stdout can be',
    async () => {
      const path = join(folder, 'pipe');
      await promisify(execFile)('mkfifo', [path]);
      const pipe = await open(path, 'r+');
      await rm(path);
      const { size } = await exportArchive(store, ['a/b:1'], `/proc/self/fd/${pipe.fd}`);
      const { bytesRead } = await pipe.read(Buffer.alloc(size + 1), 0, size + 1);
      await pipe.close();
      expect(bytesRead).toBe(size);
    },
  );

  it.each(['that nobody reads', 'whose reader takes nothing'])(
    'can be stopped at a pipe %s',
    async (which) => {
      await keep('a/large:1', manifest(config(), layer('large.txt', randomBytes(1 << 20))));
      const pipe = join(folder, 'pipe');
      await promisify(execFile)('mkfifo', [pipe]);
      const reader = which === 'that nobody reads' ? undefined : await open(pipe, 'r+');
      const reason = new Error('stop');
      const controller = new AbortController();
      setTimeout(() => controller.abort(reason), 100);
      await expect(exportArchive(store, ['a/large:1'], pipe, { signal: controller.signal })).rejects.toBe(
        reason,
      );
      await reader?.close();
    },
  );

  it('says so when whoever reads a pipe goes away', async () => {
    await keep('a/large:1', manifest(config(), layer('large.txt', randomBytes(1 << 20))));
    const pipe = join(folder, 'pipe');
    await promisify(execFile)('mkfifo', [pipe]);
    const reader = spawn('head', ['-c', '600', pipe]);
    const closed = once(reader, 'close');
    reader.stdout.resume();
    const error = await failure(exportArchive(store, ['a/large:1'], pipe));
    await closed;
    expect([error.code, error.message]).toEqual([
      'UNAVAILABLE',
      expect.stringContaining('nobody reads it any more'),
    ]);
  });

  it('refuses a socket', async () => {
    const path = join(folder, 'socket');
    const server = createServer().listen(path);
    await once(server, 'listening');
    const to = await failure(exportArchive(store, ['a/b:1'], path));
    const from = await failure(importArchive(store, path));
    server.close();
    expect([to.code, from.code]).toEqual(['UNSUPPORTED', 'UNSUPPORTED']);
    expect([to.message, from.message]).toEqual(Array(2).fill(expect.stringContaining('it is a socket')));
  });

  it('does not take the name of a folder for that of a file', async () => {
    const path = join(folder, 'x.tar');
    await writeFile(path, 'old');
    for (const name of [`${path}/`, join(folder, 'new/')]) {
      expect((await failure(exportArchive(store, ['a/b:1'], name))).code).toBe('INVALID');
    }
    expect(await readFile(path, 'utf8')).toBe('old');
  });

  it('refuses a folder and a path that leads nowhere, saying so', async () => {
    expect((await failure(exportArchive(store, ['a/b:1'], folder))).message).toContain('it is a directory');
    const nowhere = await failure(exportArchive(store, ['a/b:1'], join(folder, 'no', 'x.tar')));
    expect([nowhere.code, nowhere.message]).toEqual(['NOT_FOUND', expect.stringContaining('no such file')]);
  });
});

describe('exportArchive() to a stream', () => {
  it('ends a Node stream, and closes a Web stream', async () => {
    await keep('a/b:1', both);
    const through = new PassThrough();
    const chunks: Buffer[] = [];
    through.on('data', (chunk: Buffer) => chunks.push(chunk));
    const { size } = await exportArchive(store, ['a/b:1'], through);
    expect(Buffer.concat(chunks).byteLength).toBe(size);
    expect(through.writableFinished).toBe(true);

    let received = 0;
    let closed = false;
    await exportArchive(
      store,
      ['a/b:1'],
      new WritableStream<Uint8Array>({
        write: (chunk) => void (received += chunk.byteLength),
        close: () => void (closed = true),
      }),
    );
    expect([received, closed]).toEqual([size, true]);
  });

  it('ends inside an entry, unfinished, when a blob turns out to be corrupt', async () => {
    const root = join(folder, 'root');
    store = await openStore({ root });
    await keep('a/b:1', both);
    const { digest } = layer('hello.txt', 'hello').descriptor;
    const file = join(root, 'blobs', digest.replace(':', '/'));
    await chmod(file, 0o600);
    const bytes = await readFile(file);
    await writeFile(file, Buffer.concat([Buffer.from('x'), bytes.subarray(1)]));

    const chunks: Buffer[] = [];
    const sink = new Writable({ write: (chunk: Buffer, _, done) => (chunks.push(chunk), done()) });
    const error = await failure(exportArchive(store, ['a/b:1'], sink));
    await store.close();
    expect([error.code, error.message]).toEqual(['CORRUPT', expect.stringContaining(digest)]);
    expect([sink.destroyed, sink.writableFinished]).toEqual([true, false]);
    const partial = join(folder, 'partial.tar');
    await writeFile(partial, Buffer.concat(chunks));
    expect((await failure(importArchive(openMemoryStore(), partial))).message).toContain('cut off');
    await expect(promisify(execFile)('tar', ['-tf', partial])).rejects.toThrow(/Unexpected EOF/);
  });

  it('stops when the stream fails, with the error of the stream', async () => {
    await keep('a/b:1', both);
    const broken = new Error('reader went away');
    const sink = new Writable({ write: (_chunk, _, done) => done(broken) });
    await expect(exportArchive(store, ['a/b:1'], sink)).rejects.toBe(broken);
  });

  it('can be stopped while the stream takes nothing', async () => {
    await keep('a/b:1', both);
    const controller = new AbortController();
    const sink = new Writable({ highWaterMark: 1, write: () => controller.abort('stop') });
    await expect(exportArchive(store, ['a/b:1'], sink, { signal: controller.signal })).rejects.toBe('stop');
  });
});
