/** What is in a store and beside it, and whether all of it is sound. */
import { createHash } from 'node:crypto';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { checkStore } from '../../src/backends/dir/fsck/check-store.js';
import { openStore } from '../../src/backends/dir/index.js';
import { walk } from '../../src/content/walk.js';
import { isStowageError } from '../../src/errors.js';
import type { Store } from '../../src/images/store.js';
import type { Remains } from './disk.js';
import { PARTS, PARTS_REF, SPOILED_DIGEST } from './workload.js';

/** What people see: names with their labels, and exported files. */
export interface Visible {
  readonly images: readonly string[];
  readonly blobs: readonly string[];
  /** Labelled blobs, namespaces and leases. */
  readonly records: readonly string[];
  readonly ingests: readonly IngestFacts[];
  readonly files: readonly string[];
}

export interface IngestFacts {
  readonly namespace: string;
  readonly ref: string;
  readonly offset: number;
}

/** The parts of a disk that a workload writes to. */
export interface Places {
  readonly root: string;
  readonly file: string;
  readonly layout: string;
}

const NAMESPACES = ['default', 'other'];

/** Puts a folder together. */
export async function layOut(remains: Remains, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [path, { bytes, mode }] of remains) {
    const target = join(folder, path);
    if (path.endsWith('/')) await mkdir(target);
    else await writeFile(target, bytes, { mode });
  }
  for (const path of remains.keys())
    if (path.endsWith('/progress.json')) await moveProgress(join(folder, path));
}

/** How far an ingest is holds for one file only, and here that is a copy. */
async function moveProgress(path: string): Promise<void> {
  const data = await stat(join(dirname(path), 'data'), { bigint: true }).catch(() => undefined);
  const text = await readFile(path, 'utf8');
  if (data === undefined || text === '') return;
  const progress = JSON.parse(text) as Record<string, unknown>;
  await writeFile(path, JSON.stringify({ ...progress, inode: `${data.dev}:${data.ino}` }));
}

/**
 * Opens the store as it was left, and answers what is visible. It is checked before, or all of its content read.
 *
 * @throws if anything that is visible is not sound.
 */
export async function judge({ root, file, layout }: Places, how: 'check' | 'read'): Promise<Visible> {
  if (how === 'check') await refuseDamage(root);
  await using store = await openStore({ root, onWarning: refuse });
  const images: string[] = [];
  const blobs: string[] = [];
  const records: string[] = [];
  const ingests: IngestFacts[] = [];
  for (const namespace of NAMESPACES) {
    const view = store.namespace(namespace);
    blobs.push(...(await soundBlobs(view, how)));
    images.push(...(await soundImages(view)));
    records.push(...(await recordsIn(view)));
    ingests.push(...(await soundIngests(view)));
  }
  for await (const { name, labels } of store.namespaces.list()) {
    // One without labels comes with the first thing that is written into it.
    if (Object.keys(labels).length > 0) records.push(`namespace ${name} ${JSON.stringify(labels)}`);
  }
  await checkIndex(store, join(root, 'index.json'));
  return {
    images,
    blobs,
    records,
    ingests,
    files: [await digestOfFile(file), ...(await soundLayout(layout))],
  };
}

function refuse(message: string): void {
  throw new Error(`the store warns: ${message}`);
}

/** What is left over is nobody's loss; anything else is. All content is read for it. */
export async function refuseDamage(root: string): Promise<void> {
  try {
    const { findings } = await checkStore({ root });
    const [first] = findings.filter(
      ({ severity, digest }) => severity !== 'leftover' && digest !== SPOILED_DIGEST,
    );
    if (first !== undefined) throw new Error(`fsck: ${first.code} ${first.where}: ${first.message}`);
  } catch (error) {
    // The power went before there was a store.
    if (!isStowageError(error, 'NOT_FOUND')) throw error;
  }
}

async function soundImages(store: Store): Promise<string[]> {
  const images: string[] = [];
  for await (const { name, target, labels } of store.images.list()) {
    for await (const { descriptor, missing } of walk(store.content, target)) {
      if (missing) throw new Error(`${name} lacks ${descriptor.digest}`);
    }
    images.push(`${store.namespaceName} ${name} ${target.digest} ${JSON.stringify(labels)}`);
  }
  return images;
}

async function soundBlobs(store: Store, how: 'check' | 'read'): Promise<string[]> {
  const blobs: string[] = [];
  for await (const { digest, size } of store.content.list()) {
    if (how === 'read' && digest !== SPOILED_DIGEST)
      for await (const chunk of store.content.read({ digest, size })) void chunk;
    blobs.push(`${store.namespaceName} blob ${digest}`);
  }
  return blobs;
}

async function recordsIn(store: Store): Promise<string[]> {
  const records: string[] = [];
  for await (const { id, labels } of store.leases.list()) {
    // Those of commands have no labels, and end with them.
    if (Object.keys(labels).length > 0)
      records.push(`${store.namespaceName} lease ${id} ${JSON.stringify(labels)}`);
  }
  for await (const { digest, labels } of store.content.list()) {
    const own = Object.entries(labels).filter(([key]) => !key.startsWith('containerd.io/'));
    if (own.length > 0) records.push(`${store.namespaceName} content ${digest} ${JSON.stringify(own)}`);
  }
  return records;
}

/** What a resumed ingest has must be the beginning of what was written into it. */
async function soundIngests(store: Store): Promise<IngestFacts[]> {
  const found: IngestFacts[] = [];
  for await (const { ref } of store.content.ingests()) {
    if (ref !== PARTS_REF) continue;
    await using ingest = await store.content.openIngest(ref);
    const { offset, digest } = ingest.status;
    const right = Buffer.from(PARTS.join('').slice(0, offset));
    if (right.length !== offset || digest !== `sha256:${sha256(right)}`) {
      throw new Error(`the ingest ${ref} goes on with ${offset} bytes, which are others than were written`);
    }
    found.push({ namespace: store.namespaceName, ref, offset });
  }
  return found;
}

async function checkIndex(store: Store, path: string): Promise<void> {
  const named = namesIn(await readFile(path, 'utf8'));
  const expected: string[] = [];
  for await (const { name, target } of store.images.list()) expected.push(`${name} ${target.digest}`);
  if (named.join() !== expected.join())
    throw new Error(`index.json lists ${named.join()}, not ${expected.join()}`);
}

interface IndexJson {
  readonly manifests: readonly { readonly digest: string; readonly annotations?: Record<string, string> }[];
}

function namesIn(text: string): string[] {
  const { manifests } = JSON.parse(text) as IndexJson;
  return manifests.flatMap(({ digest, annotations }) => {
    const name = annotations?.['org.opencontainers.image.ref.name'];
    return name === undefined ? [] : [`${name} ${digest}`];
  });
}

async function digestOfFile(path: string): Promise<string> {
  const bytes = await readOrNothing(path);
  return bytes === undefined ? `${path.slice(dirname(path).length)} is not there` : sha256(bytes);
}

/** What the index of an exported layout lists, of which everything has to be there. */
async function soundLayout(folder: string): Promise<string[]> {
  const text = await readOrNothing(join(folder, 'index.json'));
  if (text === undefined) return [];
  const { manifests } = JSON.parse(text.toString()) as IndexJson;
  for (const { digest } of manifests) {
    const manifest = JSON.parse((await blobOf(folder, digest)).toString()) as {
      readonly config: { readonly digest: string };
      readonly layers: readonly { readonly digest: string }[];
    };
    for (const child of [manifest.config, ...manifest.layers]) await blobOf(folder, child.digest);
  }
  return manifests.map(({ digest, annotations }) => `layout ${digest} ${JSON.stringify(annotations ?? {})}`);
}

async function blobOf(folder: string, digest: string): Promise<Buffer> {
  const hex = digest.slice('sha256:'.length);
  const bytes = await readFile(join(folder, 'blobs', 'sha256', hex));
  if (sha256(bytes) !== hex) throw new Error(`the layout has another content under ${digest}`);
  return bytes;
}

async function readOrNothing(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
