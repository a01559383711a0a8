import * as v from 'valibot';
import { isStowageError, StowageError } from '../errors.js';
import { toPlatform } from './descriptor.js';
import type { Digest } from './digest.js';
import { parseDigest } from './digest.js';
import { listOf, MANIFEST_LIMIT, objectWith, parseJson, validate } from './json.js';
import type { Platform } from './platform.js';

/** What an image configuration says about the image as a whole (image-spec config.md), with the names of its JSON. */
export interface ImageConfig extends Platform {
  readonly rootfs: {
    readonly type: string;
    /** Digests of the layers before compression, the base first. */
    readonly diff_ids: readonly Digest[];
  };
  /** As it stands there, most often RFC 3339. */
  readonly created?: string;
  readonly author?: string;
  /** The bytes it was read from. */
  readonly raw: Uint8Array;
}

const text = v.nullish(v.string('a string'));

const schema = objectWith({
  architecture: text,
  os: text,
  variant: text,
  'os.version': text,
  'os.features': v.optional(listOf(v.string('a string'))),
  created: text,
  author: text,
  rootfs: v.nullish(objectWith({ type: text, diff_ids: v.optional(listOf(v.string('a string'))) })),
});

/**
 * Reads the configuration of an image: media types of which `isImageConfig` is true. What is missing is empty.
 *
 * @throws {StowageError} INVALID if it is not one; UNSUPPORTED if a layer has a digest of an unknown algorithm.
 */
export function parseImageConfig(raw: Uint8Array, what: string): ImageConfig {
  const loose = validate(schema, parseJson(raw, what, { limit: MANIFEST_LIMIT }), what);
  return {
    ...toPlatform(loose),
    rootfs: {
      type: loose.rootfs?.type ?? 'layers',
      diff_ids: (loose.rootfs?.diff_ids ?? []).map((id, index) => diffId(id, index, what)),
    },
    ...(loose.created ? { created: loose.created } : {}),
    ...(loose.author ? { author: loose.author } : {}),
    raw,
  };
}

/** The platform an image runs on, or undefined if its configuration does not say OS and architecture. */
export function platformOfConfig(config: ImageConfig): Platform | undefined {
  return config.os === '' || config.architecture === '' ? undefined : toPlatform(config);
}

function diffId(id: string, index: number, what: string): Digest {
  try {
    return parseDigest(id);
  } catch (error) {
    if (!isStowageError(error)) throw error;
    throw new StowageError(error.code, `Cannot read ${what}: rootfs.diff_ids[${index}]: ${error.message}`, {
      cause: error,
    });
  }
}
