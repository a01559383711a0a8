import { describe, expect, it } from 'vitest';
import { children, gcLabels, gcLabelsFor } from './children.js';
import type { Descriptor } from './descriptor.js';
import { parseDigest } from './digest.js';
import { parseDocument } from './manifest.js';
import {
  CONTAINERD_CHECKPOINT,
  DOCKER_CONFIG,
  DOCKER_LAYER_GZIP,
  DOCKER_MANIFEST,
  DOCKER_MANIFEST_LIST,
  DOCKER_SCHEMA1_SIGNED,
  IN_TOTO,
  OCI_CONFIG,
  OCI_EMPTY,
  OCI_INDEX,
  OCI_LAYER,
  OCI_LAYER_GZIP,
  OCI_MANIFEST,
} from './media-type.js';

const bytes = (document: unknown) => Buffer.from(JSON.stringify(document));
const parse = (document: unknown, mediaType?: string) =>
  parseDocument(bytes(document), mediaType, 'manifest "x"');
const digestOf = (digit: string) => parseDigest(`sha256:${digit.repeat(64)}`);
const descriptor = (mediaType: string, digit = '0'): Descriptor => ({
  mediaType,
  digest: digestOf(digit),
  size: 2,
});

const config = descriptor(OCI_CONFIG);
const layers = [descriptor(OCI_LAYER_GZIP, '1'), descriptor(OCI_LAYER, '2')];
const manifest = { schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers };
const manifests = [descriptor(OCI_MANIFEST, '3'), descriptor(OCI_INDEX, '4')];
const index = { schemaVersion: 2, mediaType: OCI_INDEX, manifests };

describe('parseDocument', () => {
  it('reads a manifest, with its bytes', () => {
    const subject = descriptor(OCI_MANIFEST, '5');
    const raw = bytes({ ...manifest, subject, artifactType: 'a/b', annotations: { a: 'b' }, extra: 1 });
    expect(parseDocument(raw, OCI_MANIFEST, 'it')).toEqual({
      kind: 'manifest',
      mediaType: OCI_MANIFEST,
      config,
      layers,
      subject,
      artifactType: 'a/b',
      annotations: { a: 'b' },
      raw,
    });
    expect(parseDocument(raw, OCI_MANIFEST, 'it').raw).toBe(raw);
  });

  it('reads an index, and null for an empty list', () => {
    expect(parse(index, OCI_INDEX)).toMatchObject({ kind: 'index', manifests });
    expect(parse({ schemaVersion: 2, manifests: null })).toMatchObject({ kind: 'index', manifests: [] });
    expect(parse({ schemaVersion: 2, config, layers: null })).toMatchObject({ kind: 'manifest', layers: [] });
  });

  it('takes the media type from outside, else from inside, else from the shape', () => {
    const untyped = { schemaVersion: 2, config, layers };
    expect(parse(untyped, DOCKER_MANIFEST).mediaType).toBe(DOCKER_MANIFEST);
    expect(parse({ ...untyped, mediaType: DOCKER_MANIFEST }).mediaType).toBe(DOCKER_MANIFEST);
    expect(parse(untyped).mediaType).toBe(OCI_MANIFEST);
    expect(parse({ schemaVersion: 2, manifests }).mediaType).toBe(OCI_INDEX);
    expect(parse({ ...manifest, mediaType: '' }).mediaType).toBe(OCI_MANIFEST);
  });

  it.each([
    [{ ...index, config: null }, undefined, 'ambiguous'],
    [{ ...manifest, manifests: null }, OCI_MANIFEST, 'ambiguous'],
    [{ ...index, layers: [] }, OCI_INDEX, 'ambiguous'],
    [
      manifest,
      OCI_INDEX,
      'it is announced as "application/vnd.oci.image.index.v1+json" but has the fields of a manifest',
    ],
    [index, DOCKER_MANIFEST, 'but has the fields of an index'],
    [manifest, OCI_CONFIG, 'it is announced as'],
    [{ ...manifest, mediaType: DOCKER_MANIFEST_LIST }, undefined, 'it is marked as'],
    [{ ...index, mediaType: 'text/plain' }, OCI_INDEX, 'it is marked as "text/plain"'],
    [{ ...index, Manifests: [] }, OCI_INDEX, 'its key "Manifests" would be taken for "manifests"'],
    [{ ...manifest, mediatype: OCI_INDEX }, OCI_MANIFEST, 'its key "mediatype"'],
    [{ ...manifest, layerſ: [] }, OCI_MANIFEST, 'its key "layerſ" would be taken for "layers"'],
    [{ ...manifest, schemaVersion: undefined }, undefined, 'schemaVersion must be 2, it is missing'],
    [{ ...manifest, schemaVersion: '2' }, undefined, 'schemaVersion must be 2, it is "2"'],
    [{ ...manifest, config: undefined }, undefined, 'config is missing'],
    [{ ...manifest, layers: undefined }, undefined, 'layers is missing'],
    [{ ...manifest, config: null }, undefined, 'config must be a descriptor, not null'],
    [
      { ...manifest, layers: [config, { ...config, size: -1 }] },
      undefined,
      'layers[1].size must be zero or more',
    ],
    [
      { ...index, manifests: [{ ...config, digest: 'x' }] },
      undefined,
      'manifests[0].digest: Cannot read digest "x"',
    ],
    [{ ...manifest, mediaType: 5 }, undefined, 'mediaType must be a string, not 5'],
    [{ schemaVersion: 2 }, OCI_INDEX, 'it has neither "manifests"'],
    [[manifest], OCI_MANIFEST, 'it is not a JSON object'],
    [null, undefined, 'it is not a JSON object'],
  ])('refuses %j announced as %s: %s', (document, mediaType, reason) => {
    const refusal = expect.objectContaining({ code: 'INVALID', message: expect.stringContaining(reason) });
    expect(() => parse(document, mediaType)).toThrow(refusal);
    expect(() => parse(document, mediaType)).toThrow(/^Cannot read manifest "x": [^\n]+$/);
  });

  it('refuses keys that stand twice, at any depth', () => {
    const twice = JSON.stringify(manifest).replace('"size":2', '"size":2,"size":3');
    expect(() => parseDocument(Buffer.from(twice), undefined, 'it')).toThrow('it has the key "size" twice');
  });

  it.each([
    [{ schemaVersion: 1, fsLayers: [], history: [] }, undefined],
    [{ ...manifest, fsLayers: null }, OCI_MANIFEST],
    [{ ...manifest, signatures: [] }, OCI_MANIFEST],
    [{ ...manifest, mediaType: DOCKER_SCHEMA1_SIGNED }, undefined],
    [manifest, DOCKER_SCHEMA1_SIGNED],
  ])('says that %j announced as %s is of schema 1', (document, mediaType) => {
    expect(() => parse(document, mediaType)).toThrow(
      expect.objectContaining({ code: 'UNSUPPORTED', message: expect.stringContaining("Docker's schema 1") }),
    );
  });

  it('refuses more than 4 MiB, unless another limit is given', () => {
    const large = { ...manifest, annotations: { a: 'x'.repeat(4 * 1024 * 1024) } };
    expect(() => parse(large)).toThrow(expect.objectContaining({ code: 'LIMIT_EXCEEDED' }));
    expect(parseDocument(bytes(large), undefined, 'it', { limit: 5 * 1024 * 1024 }).kind).toBe('manifest');
  });
});

describe('children', () => {
  it('are config and layers of a manifest, in order, and the manifests of an index', () => {
    expect(children(parse(manifest))).toEqual([config, ...layers]);
    expect(children(parse(index))).toEqual(manifests);
  });

  it('do not include the subject', () => {
    expect(children(parse({ ...manifest, subject: descriptor(OCI_MANIFEST, '5') }))).toHaveLength(3);
  });
});

describe('gcLabels', () => {
  it('number the children of a manifest per kind', () => {
    expect(gcLabels(parse(manifest))).toEqual({
      'containerd.io/gc.ref.content.config': digestOf('0'),
      'containerd.io/gc.ref.content.l.0': digestOf('1'),
      'containerd.io/gc.ref.content.l.1': digestOf('2'),
    });
  });

  it('number the children of an index, nested indexes and unknown types among the rest', () => {
    const mixed = [
      descriptor(OCI_MANIFEST, '1'),
      descriptor(OCI_INDEX, '2'),
      descriptor(DOCKER_MANIFEST, '3'),
      descriptor(IN_TOTO, '4'),
      descriptor(DOCKER_MANIFEST_LIST, '5'),
    ];
    expect(gcLabelsFor(mixed)).toEqual({
      'containerd.io/gc.ref.content.m.0': digestOf('1'),
      'containerd.io/gc.ref.content.0': digestOf('2'),
      'containerd.io/gc.ref.content.m.1': digestOf('3'),
      'containerd.io/gc.ref.content.1': digestOf('4'),
      'containerd.io/gc.ref.content.2': digestOf('5'),
    });
  });

  it('leave the first config without a number', () => {
    const configs = [
      descriptor(DOCKER_CONFIG, '1'),
      descriptor(CONTAINERD_CHECKPOINT, '2'),
      descriptor(OCI_EMPTY, '3'),
      descriptor(DOCKER_LAYER_GZIP, '4'),
    ];
    expect(gcLabelsFor(configs)).toEqual({
      'containerd.io/gc.ref.content.config': digestOf('1'),
      'containerd.io/gc.ref.content.config1': digestOf('2'),
      'containerd.io/gc.ref.content.0': digestOf('3'),
      'containerd.io/gc.ref.content.l.0': digestOf('4'),
    });
  });

  it('name referrers by the first twelve digits of their digest', () => {
    const digest = parseDigest(`sha512:${'ab'.repeat(64)}`);
    const annotations = { 'io.containerd.manifest.subject': digestOf('1') };
    expect(gcLabelsFor([{ ...descriptor(OCI_MANIFEST), digest, annotations }])).toEqual({
      'containerd.io/gc.ref.content.referrer.sha256.abababababab': digest,
    });
  });
});
