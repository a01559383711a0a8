import type { ContentStore, Labels } from '../content/store.js';
import { StowageError } from '../errors.js';
import { children } from '../oci/children.js';
import type { Annotations, Descriptor } from '../oci/descriptor.js';
import { parseJson } from '../oci/json.js';
import { formatPlatform } from '../oci/platform-specifier.js';
import { readConfigPlatform, readDocument, readSmall } from './documents.js';
import { sortLabels } from './labels.js';

/** One blob of an image and everything below it. */
export interface TreeNode {
  readonly mediaType: string;
  readonly digest: string;
  /** In bytes, as the descriptor says. */
  readonly size: number;
  readonly platform?: string;
  readonly annotations?: Annotations;
  /** Whether the store holds it. */
  readonly present: boolean;
  readonly children: readonly TreeNode[];
  /** Of the blob; only where asked for. */
  readonly labels?: Labels;
  /** The JSON it is; only where asked for. */
  readonly content?: unknown;
}

export interface TreeOptions {
  /** Read labels and JSON as well. */
  readonly withContent: boolean;
  readonly signal: AbortSignal;
}

/** A hostile index can name the same manifest any number of times. */
const NODE_LIMIT = 100_000;

/**
 * Reads an image down to its layers; what is not held is marked and has nothing below it.
 *
 * @throws {StowageError} INVALID for a manifest that is none; LIMIT_EXCEEDED if the tree does not end.
 */
export async function readTree(
  content: ContentStore,
  target: Descriptor,
  options: TreeOptions,
): Promise<TreeNode> {
  const { withContent, signal } = options;
  let nodes = 0;
  const visit = async (descriptor: Descriptor): Promise<TreeNode> => {
    if (++nodes > NODE_LIMIT) {
      throw new StowageError(
        'LIMIT_EXCEEDED',
        `Cannot show ${target.digest}: more than ${NODE_LIMIT} blobs are below it`,
      );
    }
    const info = await content.info(descriptor.digest, { signal });
    const document = await readDocument(content, descriptor, signal);
    const below: TreeNode[] = [];
    for (const child of document ? children(document) : []) below.push(await visit(child));
    const stated = descriptor.platform;
    const platform =
      stated ??
      (document?.kind === 'manifest' ? await readConfigPlatform(content, document, signal) : undefined);
    const { mediaType, digest, size, annotations } = descriptor;
    return {
      mediaType,
      digest,
      size,
      ...(platform && { platform: formatPlatform(platform) }),
      ...(annotations && { annotations }),
      present: info !== undefined,
      children: below,
      ...(withContent && info && { labels: sortLabels(info.labels) }),
      ...(withContent &&
        info &&
        mediaType.endsWith('json') && { content: await readJson(content, descriptor, signal) }),
    };
  };
  return visit(target);
}

async function readJson(
  content: ContentStore,
  descriptor: Descriptor,
  signal: AbortSignal,
): Promise<unknown> {
  const raw = await readSmall(content, descriptor, signal);
  return raw && parseJson(raw, `blob ${descriptor.digest}`);
}
