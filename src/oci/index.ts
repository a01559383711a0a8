/**
 * THE WORDS: what images are described with. Digests, descriptors, manifests, platforms, references: read from
 * foreign text and JSON by `parse…` functions, which alone make the types that prove a value sound.
 *
 * Pure data: nothing here does input or output, and nothing of the project but `errors` is imported.
 */
export * from './annotation.js';
export * from './children.js';
export {
  type Annotations,
  type Descriptor,
  descriptorJson,
  inlineData,
  parseDescriptor,
} from './descriptor.js';
export * from './digest-tag.js';
export * from './digest.js';
export * from './docker-reference.js';
export * from './go-json.js';
export * from './guess-media-type.js';
export * from './host-platform.js';
export * from './image-config.js';
export * from './image-name.js';
export {
  DEPTH_LIMIT,
  JSON_LIMIT,
  MANIFEST_LIMIT,
  parseJson,
  type ParseJsonOptions,
  type SchemaProblem,
  validate,
} from './json.js';
export * from './layout.js';
export * from './manifest.js';
export * from './media-type.js';
export { normalizePlatform, type Platform } from './platform.js';
export * from './platform-match.js';
export * from './platform-specifier.js';
export * from './reference.js';
export * from './refname.js';
export { deviationsOf, isTimestamp, type Deviation, type SpecDocument } from './spec-rules.js';
