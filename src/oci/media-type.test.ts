import { describe, expect, it } from 'vitest';
import { describeTable } from '../../test/tables.js';
import { parseDocument } from './manifest.js';
import * as mediaTypes from './media-type.js';
import { isImageConfig, isNonDistributable, isSchema1, kindOf, layerCompression } from './media-type.js';

const constants: readonly unknown[] = Object.values(mediaTypes);
const isKnown = (mediaType: string) => constants.includes(mediaType);

const digest = `sha256:${'a'.repeat(64)}`;
const manifest = {
  schemaVersion: 2,
  config: { mediaType: mediaTypes.OCI_CONFIG, digest, size: 2 },
  layers: [],
};
const index = { schemaVersion: 2, manifests: [] };
const parse = (document: object) => parseDocument(Buffer.from(JSON.stringify(document)), undefined, 'it');

describeTable('manifest-media-types.json', {
  groups: {
    TestMIMETypeIsMultiImage: ({ mt, expected }) => expect(kindOf(mt) === 'index').toBe(expected),
    TestNormalizedMIMEType: ({ input }) => {
      expect(isSchema1(input) || ['index', 'manifest'].includes(kindOf(input))).toBe(true);
    },
    TestSupportedOCI1MediaType: ({ m, mustFail }) => expect(isKnown(m)).toBe(!mustFail),
    TestSupportedSchema2MediaType: ({ m, mustFail }) => expect(isKnown(m)).toBe(!mustFail),
    'OCI1FromManifest: extra keys that make a manifest ambiguous': ({ key }) => {
      expect(parse(manifest).kind).toBe('manifest');
      expect(() => parse({ ...manifest, [key]: [] })).toThrow('Cannot read it');
    },
    'OCI1IndexFromManifest: extra keys that make an index ambiguous': ({ key }) => {
      expect(parse(index).kind).toBe('index');
      expect(() => parse({ ...index, [key]: [] })).toThrow('Cannot read it');
    },
    'gcr NOT distributable': ({ mediaType }) => expect(isNonDistributable(mediaType)).toBe(true),
    'gcr distributable': ({ mediaType }) => expect(isNonDistributable(mediaType)).toBe(false),
  },
  decidedAgainst: {
    TestGuessMIMEType:
      'the cases are files that the table does not carry; guess-media-type.test.ts has their shapes',
    'TestNormalizedMIMEType invalid': 'an unknown media type stays unknown, it is not taken for schema 1',
    'OCI1FromManifest: files that must be rejected':
      'the table does not carry the files; see manifest.test.ts',
    TestBase: 'media types of descriptors are compared exactly; HTTP parameters are for the HTTP client',
    TestValid:
      'any text may be the media type of an artifact, as for containerd; only the known ones mean something',
    'containers/image digest validation':
      'content is verified while it is read, in io; digest.json has the grammar',
  },
});

describe('kindOf', () => {
  it('takes every type below the layer prefix for a layer, whatever its suffix', () => {
    expect(kindOf('application/vnd.oci.image.layer.v1.tar+gzip+encrypted')).toBe('layer');
    expect(kindOf('application/vnd.oci.image.layer.v2.squashfs')).toBe('layer');
    expect(kindOf('application/vnd.docker.image.rootfs.diff.tar.gzip+encrypted')).toBe('layer');
    expect(kindOf('application/vnd.docker.image.rootfs.diff.tar.xz')).toBe('other');
  });

  it('knows configurations of images, and leaves those of artifacts alone', () => {
    expect(isImageConfig(mediaTypes.DOCKER_CONFIG)).toBe(true);
    expect(kindOf(mediaTypes.OCI_EMPTY)).toBe('other');
    expect(kindOf('application/vnd.cncf.helm.config.v1+json')).toBe('other');
    expect(isImageConfig(mediaTypes.CONTAINERD_CHECKPOINT)).toBe(false);
  });

  it('does not take names of object members for media types', () => {
    expect(kindOf('constructor')).toBe('other');
  });
});

describe('layerCompression', () => {
  it.each([
    [mediaTypes.OCI_LAYER, 'none'],
    [mediaTypes.OCI_LAYER_GZIP, 'gzip'],
    [mediaTypes.OCI_NON_DISTRIBUTABLE_LAYER_ZSTD, 'zstd'],
    [mediaTypes.DOCKER_LAYER, 'none'],
    [mediaTypes.DOCKER_FOREIGN_LAYER_GZIP, 'gzip'],
    [mediaTypes.DOCKER_LAYER_ZSTD, 'zstd'],
    ['application/vnd.oci.image.layer.v1.tar+gzip+encrypted', undefined],
    ['application/vnd.oci.image.layer.v1.tar+lz4', undefined],
    [mediaTypes.OCI_CONFIG, undefined],
  ])('of %s is %s', (mediaType, expected) => {
    expect(layerCompression(mediaType)).toBe(expected);
  });
});
