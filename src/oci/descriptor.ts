import * as v from 'valibot';
import { isStowageError, StowageError } from '../errors.js';
import type { Digest } from './digest.js';
import { parseDigest } from './digest.js';
import { listOf, objectWith, stringMap, validate } from './json.js';
import type { Platform } from './platform.js';

/** Key-value metadata as the specification has it. */
export type Annotations = Readonly<Record<string, string>>;

/**
 * A typed, sized pointer to content (image-spec descriptor.md), with the field names of its JSON. `size` is in bytes
 * and never negative. Key order in JSON that is written: as here.
 */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly urls?: readonly string[];
  readonly annotations?: Annotations;
  /** The content itself, base64. */
  readonly data?: string;
  readonly platform?: Platform;
  readonly artifactType?: string;
}

const platformSchema = objectWith({
  architecture: v.nullish(v.string('a string')),
  os: v.nullish(v.string('a string')),
  'os.version': v.nullish(v.string('a string')),
  'os.features': v.optional(listOf(v.string('a string'))),
  variant: v.nullish(v.string('a string')),
});

/** The shape of a descriptor in foreign JSON; what passes becomes a {@link Descriptor} by {@link toDescriptor}. */
export const descriptorSchema = objectWith(
  {
    mediaType: v.pipe(v.string('a string'), v.nonEmpty('a media type')),
    digest: v.string('a string'),
    size: v.pipe(
      v.number('a number of bytes'),
      v.safeInteger('a whole number of bytes'),
      v.minValue(0, 'zero or more bytes'),
    ),
    urls: v.optional(listOf(v.string('a string'))),
    annotations: v.nullish(stringMap),
    data: v.nullish(v.string('a string')),
    platform: v.nullish(platformSchema),
    artifactType: v.nullish(v.string('a string')),
  },
  'a descriptor',
);

/** A descriptor of the right shape whose digest is still unproven text. */
export type LooseDescriptor = v.InferOutput<typeof descriptorSchema>;

/**
 * Reads a descriptor out of parsed JSON. Fields that are not in {@link Descriptor} are left out, and so are empty
 * lists, objects and strings, as Go leaves them out.
 *
 * @throws {StowageError} INVALID if it is not a descriptor; UNSUPPORTED if only its digest algorithm is unknown.
 */
export function parseDescriptor(value: unknown, what: string): Descriptor {
  return toDescriptor(validate(descriptorSchema, value, what), what);
}

/** The second half of {@link parseDescriptor}, for descriptors inside documents; `path` says where, `layers[2]`. */
export function toDescriptor(loose: LooseDescriptor, what: string, path?: string): Descriptor {
  return {
    mediaType: loose.mediaType,
    digest: digestAt(loose.digest, what, path === undefined ? 'digest' : `${path}.digest`),
    size: loose.size,
    ...(loose.urls?.length ? { urls: loose.urls } : {}),
    ...(hasKeys(loose.annotations) ? { annotations: loose.annotations } : {}),
    ...(loose.data ? { data: loose.data } : {}),
    ...(loose.platform ? { platform: toPlatform(loose.platform) } : {}),
    ...(loose.artifactType ? { artifactType: loose.artifactType } : {}),
  };
}

/**
 * The descriptor as plain data for {@link JSON.stringify} or `goJson`: keys in the order of the specification,
 * nothing empty, nothing unknown.
 */
export function descriptorJson(descriptor: Descriptor): Descriptor {
  const { mediaType, digest, size, urls, annotations, data, platform, artifactType } = descriptor;
  return {
    mediaType,
    digest,
    size,
    ...(urls?.length ? { urls } : {}),
    ...(hasKeys(annotations) ? { annotations } : {}),
    ...(data ? { data } : {}),
    ...(platform ? { platform: toPlatform(platform) } : {}),
    ...(artifactType ? { artifactType } : {}),
  };
}

/**
 * The bytes a descriptor carries in `data`, or undefined if it carries none, or something that is not base64 of
 * `size` bytes. They are not verified: hash them before they are believed.
 */
export function inlineData(descriptor: Descriptor): Uint8Array | undefined {
  const { data, size } = descriptor;
  if (data === undefined || data.length !== Math.ceil(size / 3) * 4) return undefined;
  const bytes = Buffer.from(data, 'base64');
  // Node skips what is not base64; only what encodes to the same text again was.
  return bytes.byteLength === size && bytes.toString('base64') === data ? bytes : undefined;
}

export function hasKeys<TObject extends object>(object: TObject | null | undefined): object is TObject {
  return object !== null && object !== undefined && Object.keys(object).length > 0;
}

interface LoosePlatform {
  readonly architecture?: string | null | undefined;
  readonly os?: string | null | undefined;
  readonly 'os.version'?: string | null | undefined;
  readonly 'os.features'?: readonly string[] | undefined;
  readonly variant?: string | null | undefined;
}

/** A platform in the key order of the specification. Absent architecture or OS are empty strings, as to Go. */
export function toPlatform(loose: LoosePlatform): Platform {
  const version = loose['os.version'];
  const features = loose['os.features'];
  return {
    architecture: loose.architecture ?? '',
    os: loose.os ?? '',
    ...(version ? { 'os.version': version } : {}),
    ...(features?.length ? { 'os.features': features } : {}),
    ...(loose.variant ? { variant: loose.variant } : {}),
  };
}

function digestAt(text: string, what: string, path: string): Digest {
  try {
    return parseDigest(text);
  } catch (error) {
    if (!isStowageError(error)) throw error;
    throw new StowageError(error.code, `Cannot read ${what}: ${path}: ${error.message}`, {
      detail: { ...error.detail, path },
      cause: error,
    });
  }
}
