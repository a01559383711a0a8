import { StowageError } from '../errors.js';
import { children } from '../oci/children.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import type { ImageDocument } from '../oci/manifest.js';
import { DEPTH_LIMIT } from './depth-limit.js';
import { isDocument, readDocument } from './read.js';
import type { CallOptions, Reader } from './store.js';

/** One step of a walk. */
export interface WalkNode {
  readonly descriptor: Descriptor;
  /** The descriptors that led here, the root first; empty for the root. */
  readonly path: readonly Descriptor[];
  /** What it says, where it is a manifest or an index that is there. */
  readonly document?: ImageDocument;
  /** Whether it is not there; then nothing below it is known. */
  readonly missing: boolean;
}

export interface WalkOptions extends CallOptions {
  /** Whether to go on to what a node refers to. @default always */
  readonly descend?: (node: WalkNode) => boolean;
  /** @default {@link DEPTH_LIMIT} */
  readonly maxDepth?: number;
}

/**
 * Everything a descriptor refers to, itself first: each document before its children, children in their order, each
 * digest once. What is missing is told, not thrown.
 *
 * Iteration rejects with LIMIT_EXCEEDED if documents are nested deeper than `maxDepth`; INVALID if a document is not
 * what its media type says.
 */
export async function* walk(
  reader: Reader,
  root: Descriptor,
  options: WalkOptions = {},
): AsyncGenerator<WalkNode, void, undefined> {
  yield* visit(reader, root, [], new Set(), options);
}

async function* visit(
  reader: Reader,
  descriptor: Descriptor,
  path: readonly Descriptor[],
  visited: Set<Digest>,
  options: WalkOptions,
): AsyncGenerator<WalkNode, void, undefined> {
  if (visited.has(descriptor.digest)) return;
  visited.add(descriptor.digest);
  checkDepth(path, options.maxDepth ?? DEPTH_LIMIT);
  const { signal, descend } = options;
  const missing = (await reader.stat(descriptor, { signal })) === undefined;
  const readable = !missing && isDocument(descriptor);
  const document = readable ? await readDocument(reader, descriptor, { signal }) : undefined;
  const node: WalkNode = { descriptor, path, missing, ...(document ? { document } : {}) };
  yield node;
  if (document === undefined || descend?.(node) === false) return;
  for (const child of children(document)) {
    yield* visit(reader, child, [...path, descriptor], visited, options);
  }
}

/** @throws {StowageError} LIMIT_EXCEEDED if `path` leads too deep. */
export function checkDepth(path: readonly Descriptor[], limit: number): void {
  if (path.length <= limit) return;
  const root = JSON.stringify(path[0]?.digest);
  throw new StowageError('LIMIT_EXCEEDED', `Cannot walk ${root}: it is nested deeper than ${limit}`, {
    detail: { digest: path[0]?.digest, limit },
  });
}
