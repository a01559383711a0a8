/**
 * What the image specification demands of its documents, to the letter, for those who judge them. Readers that only
 * want to understand a document (`manifest.ts`, `image-config.ts`) accept more: what other tools write is not always
 * by the rules, and most of it is clear.
 */
import * as v from 'valibot';
import { isAlgorithm, isDigest } from './digest.js';
import { objectWith, problemsOf, type SchemaProblem } from './json.js';

/** The kinds of documents there are rules for (image-spec schema/). */
export type SpecDocument = 'descriptor' | 'index' | 'manifest' | 'config' | 'layout';

/** One deviation from the rules. `recommended`: the specification says SHOULD, everything else is a MUST. */
export interface Deviation extends SchemaProblem {
  readonly level: 'required' | 'recommended';
}

/** Every deviation of parsed JSON from the rules for a kind of document; none for one that is as it should be. */
export function deviationsOf(kind: SpecDocument, value: unknown): Deviation[] {
  const required = problemsOf(SCHEMAS[kind], value);
  return [
    ...required.map((problem): Deviation => ({ ...problem, level: 'required' })),
    ...(kind === 'manifest' ? emptyLayers(value) : []),
  ];
}

/** manifest.md: "For portability, layers SHOULD have at least one entry." */
function emptyLayers(value: unknown): Deviation[] {
  const layers = (value as { readonly layers?: unknown } | null)?.layers;
  if (!Array.isArray(layers) || layers.length > 0) return [];
  return [{ path: 'layers', problem: 'layers is empty, some tools need at least one', level: 'recommended' }];
}

/** RFC 6838, section 4.2; parameters may follow. */
const MEDIA_TYPE =
  /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}(?:\s*;.*)?$/;
/** Of any algorithm, whether it is one that can be computed here or not. */
const DIGEST = /^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
/** RFC 3986: a scheme, and no characters that a URI cannot have. */
const URI = /^[A-Za-z][A-Za-z0-9+.-]*:[^\s<>"{}|\\^`]*$/;
const TIME = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:(?:[0-5]\d|60)(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;

/** descriptor.md, "Digests": registered algorithms have an alphabet and a length of their own. */
function isWellFormed(text: string): boolean {
  return isAlgorithm(text.slice(0, text.indexOf(':'))) ? isDigest(text) : DIGEST.test(text);
}

/** Whether a text is a date and time as RFC 3339 has it. */
export function isTimestamp(text: string): boolean {
  return TIME.test(text) && !Number.isNaN(Date.parse(text.replace(/:60(?=[.Zz+-])/, ':59')));
}

const text = v.string('a string');
const mediaType = v.pipe(text, v.regex(MEDIA_TYPE, 'a media type'));
const digest = v.pipe(text, v.check(isWellFormed, 'a digest'));
const uri = v.pipe(text, v.regex(URI, 'a URI'));
const time = v.pipe(text, v.check(isTimestamp, 'a date and time (RFC 3339)'));
const size = v.pipe(
  v.number('a number of bytes'),
  v.safeInteger('a whole number of bytes'),
  v.minValue(0, 'zero or more bytes'),
);
const annotations = mapOf(text);

const platform = objectWith({
  architecture: text,
  os: text,
  'os.version': v.optional(text),
  'os.features': v.optional(v.array(text, 'a list')),
  variant: v.optional(text),
});

const descriptor = objectWith(
  {
    mediaType,
    digest,
    size,
    urls: v.optional(v.array(uri, 'a list')),
    annotations: v.optional(annotations),
    data: v.optional(v.pipe(text, v.regex(BASE64, 'base64'))),
    platform: v.optional(platform),
    artifactType: v.optional(mediaType),
  },
  'a descriptor',
);

const versioned = {
  schemaVersion: v.literal(2, '2'),
  mediaType: v.optional(mediaType),
  artifactType: v.optional(mediaType),
  subject: v.optional(descriptor),
  annotations: v.optional(annotations),
};

const present = objectWith({});
const textsOrNull = v.nullish(v.array(text, 'a list'));
const variable = v.pipe(text, v.includes('=', 'of the form NAME=VALUE'));

const runtime = objectWith({
  User: v.optional(text),
  ExposedPorts: v.nullish(mapOf(present)),
  Env: v.nullish(v.array(variable, 'a list')),
  Entrypoint: textsOrNull,
  Cmd: textsOrNull,
  Volumes: v.nullish(mapOf(present)),
  WorkingDir: v.optional(text),
  Labels: v.nullish(mapOf(text)),
  StopSignal: v.optional(text),
  ArgsEscaped: v.optional(v.boolean('true or false')),
});

const step = objectWith({
  created: v.optional(time),
  author: v.optional(text),
  created_by: v.optional(text),
  comment: v.optional(text),
  empty_layer: v.optional(v.boolean('true or false')),
});

const SCHEMAS: Readonly<Record<SpecDocument, v.GenericSchema>> = {
  descriptor,
  index: objectWith({ ...versioned, manifests: v.array(descriptor, 'a list') }),
  manifest: objectWith({ ...versioned, config: descriptor, layers: v.array(descriptor, 'a list') }),
  config: objectWith({
    created: v.optional(time),
    author: v.optional(text),
    architecture: text,
    os: text,
    variant: v.optional(text),
    'os.version': v.optional(text),
    'os.features': v.optional(v.array(text, 'a list')),
    config: v.nullish(runtime),
    rootfs: objectWith({
      type: v.literal('layers', '"layers"'),
      diff_ids: v.array(digest, 'a list'),
    }),
    history: v.nullish(v.array(step, 'a list')),
  }),
  layout: objectWith({ imageLayoutVersion: v.literal('1.0.0', '"1.0.0"') }),
};

/** An object of any keys. Keys that valibot leaves out (`constructor`) are left unjudged. */
function mapOf(item: v.GenericSchema): v.GenericSchema {
  return v.pipe(
    v.custom<object>(
      (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
      'an object',
    ),
    v.record(text, item),
  );
}
