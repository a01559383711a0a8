/** What is in a store and beside it, and whether all of it is sound. */
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { checkStore } from '../../src/backends/dir/fsck/check-store.js';
import { openStore } from '../../src/backends/dir/index.js';
import { walk } from '../../src/content/walk.js';
import { isStowageError } from '../../src/errors.js';
import type { Store } from '../../src/images/store.js';
import type { Remains } from './disk.js';

/** What people see: names with their labels, and exported files. */
export interface Visible {
  readonly images: readonly string[];
  readonly blobs: readonly string[];
  readonly files: readonly string[];
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
  for (const namespace of NAMESPACES) {
    blobs.push(...(await soundBlobs(store.namespace(namespace), how)));
    images.push(...(await soundImages(store.namespace(namespace))));
  }
  await checkIndex(store, join(root, 'index.json'));
  return { images, blobs, files: [await digestOfFile(file), ...(await soundLayout(layout))] };
}

function refuse(message: string): void {
  throw new Error(`the store warns: ${message}`);
}

/** What is left over is nobody's loss; anything else is. All content is read for it. */
export async function refuseDamage(root: string): Promise<void> {
  try {
    const { findings } = await checkStore({ root });
    const [first] = findings.filter(({ severity }) => severity !== 'leftover');
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
    if (how === 'read') for await (const chunk of store.content.read({ digest, size })) void chunk;
    blobs.push(`${store.namespaceName} blob ${digest}`);
  }
  return blobs;
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
