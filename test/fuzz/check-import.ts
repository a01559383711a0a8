import { open } from 'node:fs/promises';
import { importArchive, type ImportOptions } from '../../src/archive/index.js';
import { indexTar } from '../../src/archive/tar/index.js';
import { inspectImage } from '../../src/content/completeness.js';
import { isStowageError } from '../../src/errors.js';
import type { Store } from '../../src/images/store.js';
import { digestOf } from '../../src/io/hash.js';
import { algorithmOf, isDigest } from '../../src/oci/digest.js';
import { Finding, outcomeOf, type Outcome } from './finding.js';

/** Names and the digests they were given, as one text each. */
type Imported = Outcome<readonly string[]>;

/** One way to hand over the same archive. */
export interface Form {
  readonly title: string;
  readonly source: () => string | AsyncIterable<Uint8Array>;
}

/**
 * Imports the same archive in several forms, each into a new store: it is refused with nothing named, or imported with
 * everything whole and proven; and every form comes to the same.
 *
 * @param plainTar where the tar lies, uncompressed.
 * @throws {Finding} if one of this does not hold.
 */
export async function checkImport(
  plainTar: string,
  forms: readonly Form[],
  newStore: () => Promise<Store>,
  options: ImportOptions,
): Promise<boolean> {
  const outcomes: { title: string; outcome: Imported }[] = [];
  for (const { title, source } of forms) {
    await using store = await newStore();
    outcomes.push({ title, outcome: await importInto(store, title, source(), options) });
  }
  const [first, ...others] = outcomes;
  if (first === undefined) throw new TypeError('a check needs a form');
  for (const other of others) await compare(first, other, plainTar, options.ref !== undefined);
  return first.outcome.ok;
}

async function importInto(
  store: Store,
  title: string,
  source: string | AsyncIterable<Uint8Array>,
  options: ImportOptions,
): Promise<Imported> {
  const outcome = await outcomeOf(title, async () => importArchive(store, source, options));
  const names: string[] = [];
  for await (const { name, target } of store.images.list()) names.push(`${name} ${target.digest}`);
  if (!outcome.ok) {
    if (names.length > 0) throw new Finding(`${title}: refused, but named ${names.join(', ')}`);
    return outcome;
  }
  const { images } = outcome.value;
  const told = images.map(({ name, target }) => `${name} ${target.digest}`).sort();
  if (JSON.stringify(told) !== JSON.stringify(names.sort())) {
    throw new Finding(`${title}: told ${JSON.stringify(told)}, named ${JSON.stringify(names)}`);
  }
  for (const { target, platforms } of images) {
    const { manifests } = await inspectImage(
      (targets) => store.content.claim(targets),
      store.content,
      target,
    );
    const complete = new Set<string>();
    for (const { state, descriptor, held } of manifests) {
      if (state !== 'complete') continue;
      complete.add(descriptor.digest);
      for (const part of held) await prove(store, part);
    }
    const promised = platforms.filter(({ state }) => state === 'complete');
    const broken = promised.find(({ digest }) => !complete.has(digest));
    if (broken !== undefined) throw new Finding(`${title}: ${broken.digest} is said to be complete`);
  }
  for await (const blob of store.content.list()) await prove(store, blob);
  return { ok: true, value: names };
}

/** Reads a blob and hashes it here, whatever the store says about it. */
async function prove(store: Store, target: Parameters<Store['content']['read']>[0]): Promise<void> {
  const parts: Uint8Array[] = [];
  for await (const part of store.content.read(target)) parts.push(part);
  const digest = digestOf(Buffer.concat(parts), algorithmOf(target.digest));
  if (digest !== target.digest) throw new Finding(`blob ${target.digest} has the digest ${digest}`);
}

async function compare(
  first: { title: string; outcome: Imported },
  second: { title: string; outcome: Imported },
  plainTar: string,
  isOneChosen: boolean,
): Promise<void> {
  const [a, b] = [first.outcome, second.outcome];
  if (a.ok && b.ok && JSON.stringify(a.value) === JSON.stringify(b.value)) return;
  if (!a.ok && !b.ok) return;
  // A blob that is not what it is called is found only by who reads it: a stream has to, before it knows the index.
  const refusal = a.ok ? b : a;
  // And of an image that is not the chosen one, a file's layers are not read.
  const mayDiffer = !refusal.ok && refusal.code === 'MISMATCH';
  if (mayDiffer && (isOneChosen || (await hasFalseBlob(plainTar)))) return;
  throw new Finding(`${first.title} and ${second.title} differ: ${JSON.stringify([a, b])}`);
}

/** Whether a blob of an OCI layout has other content than its name says. */
async function hasFalseBlob(path: string): Promise<boolean> {
  const file = await open(path, 'r');
  try {
    for await (const { name, type, dataOffset, size } of indexTar(file, { endMarker: 'optional' })) {
      const [, algorithm = '', encoded = ''] = /^(?:\.\/+)*blobs\/([^/]+)\/([^/]+)$/.exec(name) ?? [];
      const digest = `${algorithm}:${encoded}`;
      if (type !== 'file' || !isDigest(digest)) continue;
      const content = Buffer.alloc(size);
      await file.read(content, 0, size, dataOffset);
      if (digestOf(content, algorithmOf(digest)) !== digest) return true;
    }
    return false;
  } catch (error) {
    if (isStowageError(error)) return false;
    throw error;
  } finally {
    await file.close();
  }
}
