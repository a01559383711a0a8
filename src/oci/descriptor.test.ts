import fc from 'fast-check';
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Descriptor } from './descriptor.js';
import { descriptorJson, inlineData, parseDescriptor } from './descriptor.js';
import { digestFromHash } from './digest.js';
import { goJson } from './go-json.js';
import { OCI_CONFIG, OCI_LAYER_GZIP } from './media-type.js';

const digest = digestFromHash('sha256', createHash('sha256').update('{}').digest());
const plain: Descriptor = { mediaType: OCI_CONFIG, digest, size: 2 };

const text = fc.string({ minLength: 1 });
const descriptor: fc.Arbitrary<Descriptor> = fc.record(
  {
    mediaType: text,
    digest: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((hash) => digestFromHash('sha256', hash)),
    size: fc.maxSafeNat(),
    urls: fc.array(text, { minLength: 1 }),
    annotations: fc.dictionary(
      text.filter((key) => key !== '__proto__'),
      fc.string(),
      { minKeys: 1, noNullPrototype: true },
    ),
    data: text,
    platform: fc.record(
      {
        architecture: fc.string(),
        os: fc.string(),
        'os.version': text,
        'os.features': fc.array(text, { minLength: 1 }),
        variant: text,
      },
      { requiredKeys: ['architecture', 'os'] },
    ),
    artifactType: text,
  },
  { requiredKeys: ['mediaType', 'digest', 'size'] },
);

describe('parseDescriptor', () => {
  it('gives back every descriptor that was written as JSON', () => {
    fc.assert(
      fc.property(descriptor, (value) => {
        expect(parseDescriptor(JSON.parse(goJson(descriptorJson(value))), 'it')).toEqual(value);
      }),
    );
  });

  it('leaves out what is unknown or empty, and takes null for absent', () => {
    const loose = {
      ...plain,
      urls: null,
      annotations: {},
      data: '',
      platform: null,
      artifactType: null,
      x: 1,
    };
    expect(Object.keys(parseDescriptor(loose, 'it'))).toEqual(['mediaType', 'digest', 'size']);
    const platform = { architecture: 'amd64', 'os.features': null, variant: null };
    expect(parseDescriptor({ ...plain, platform }, 'it').platform).toEqual({ architecture: 'amd64', os: '' });
  });

  it.each([
    [{ ...plain, size: -1 }, 'size must be zero or more bytes, not -1'],
    [{ ...plain, size: 2 ** 53 }, 'size must be a whole number of bytes, not 9007199254740992'],
    [{ ...plain, size: 1.5 }, 'size must be a whole number of bytes, not 1.5'],
    [{ ...plain, size: '2' }, 'size must be a number of bytes, not "2"'],
    [{ ...plain, mediaType: '' }, 'mediaType must be a media type, not ""'],
    [{ ...plain, digest: undefined }, 'digest is missing'],
    [{ ...plain, digest: 'sha256:../../x' }, 'digest: Cannot read digest "sha256:../../x"'],
    [{ ...plain, annotations: { a: 1 } }, 'annotations must be an object of strings, not an object'],
    [{ ...plain, platform: [] }, 'platform must be an object, not a list'],
    ['sha256:abc', 'it must be a descriptor, not "sha256:abc"'],
  ])('refuses %j: %s', (value, problem) => {
    expect(() => parseDescriptor(value, 'entry')).toThrow(`Cannot read entry: ${problem}`);
  });

  it('tells an unknown algorithm from a broken digest', () => {
    const sha384 = { ...plain, digest: `sha384:${'a'.repeat(96)}` };
    expect(() => parseDescriptor(sha384, 'it')).toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }));
    const short = { ...plain, digest: 'sha256:ab' };
    expect(() => parseDescriptor(short, 'it')).toThrow(expect.objectContaining({ code: 'INVALID' }));
  });
});

describe('descriptorJson', () => {
  it('has the keys in the order of the specification, whatever order they came in', () => {
    const platform = { variant: 'v8', os: 'linux', 'os.version': '1', architecture: 'arm64' };
    const value: Descriptor = {
      artifactType: 'a/b',
      platform,
      data: 'e30=',
      annotations: { b: '2', a: '<1>' },
      size: 2,
      digest,
      mediaType: OCI_LAYER_GZIP,
      urls: ['u'],
    };
    expect(goJson(descriptorJson(value))).toBe(
      `{"mediaType":"${OCI_LAYER_GZIP}","digest":"${digest}","size":2,"urls":["u"],` +
        '"annotations":{"a":"\\u003c1\\u003e","b":"2"},"data":"e30=",' +
        '"platform":{"architecture":"arm64","os":"linux","os.version":"1","variant":"v8"},"artifactType":"a/b"}',
    );
  });

  it('writes nothing that is empty', () => {
    const value = { ...plain, urls: [], annotations: {}, data: '', artifactType: '' };
    expect(Object.keys(descriptorJson(value))).toEqual(['mediaType', 'digest', 'size']);
  });
});

describe('inlineData', () => {
  it('gives the bytes back that were embedded', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const data = Buffer.from(bytes).toString('base64');
        expect(Buffer.from(inlineData({ ...plain, size: bytes.length, data }) ?? [])).toEqual(
          Buffer.from(bytes),
        );
      }),
    );
  });

  it.each(['e30', 'e3 =', 'e31=', 'e30=e30=', '', '-_8='])(
    'gives nothing for %j, which is not {}',
    (data) => {
      expect(inlineData({ ...plain, data })).toBeUndefined();
    },
  );
});
