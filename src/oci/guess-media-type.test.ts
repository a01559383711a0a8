import { describe, expect, it } from 'vitest';
import { guessMediaType } from './guess-media-type.js';
import {
  DOCKER_CONFIG,
  DOCKER_MANIFEST,
  DOCKER_MANIFEST_LIST,
  DOCKER_SCHEMA1,
  DOCKER_SCHEMA1_SIGNED,
  OCI_CONFIG,
  OCI_INDEX,
  OCI_MANIFEST,
} from './media-type.js';

describe('guessMediaType', () => {
  it.each([
    [{ schemaVersion: 2, mediaType: DOCKER_MANIFEST }, DOCKER_MANIFEST],
    [{ schemaVersion: 2, mediaType: DOCKER_MANIFEST_LIST, manifests: [] }, DOCKER_MANIFEST_LIST],
    [{ schemaVersion: 1, signatures: [{}] }, DOCKER_SCHEMA1_SIGNED],
    [{ schemaVersion: 1 }, DOCKER_SCHEMA1],
    [{ schemaVersion: 2, config: { mediaType: DOCKER_CONFIG } }, DOCKER_MANIFEST],
    [{ schemaVersion: 2, config: { mediaType: OCI_CONFIG } }, OCI_MANIFEST],
    [{ schemaVersion: 2, config: { mediaType: 'application/vnd.example' }, layers: [] }, OCI_MANIFEST],
    [{ schemaVersion: 2, manifests: [{ mediaType: OCI_MANIFEST }] }, OCI_INDEX],
    [
      { schemaVersion: 2, mediaType: 'application/vnd.example', config: { mediaType: OCI_CONFIG } },
      OCI_MANIFEST,
    ],
    [{ schemaVersion: 99 }, undefined],
    [{}, undefined],
    [[], undefined],
  ])('takes %j for %s', (document, expected) => {
    expect(guessMediaType(Buffer.from(JSON.stringify(document)))).toBe(expected);
  });

  it('takes what is not JSON for nothing', () => {
    expect(guessMediaType(Buffer.from('not JSON'))).toBeUndefined();
    expect(guessMediaType(Uint8Array.of(0xff, 0xfe))).toBeUndefined();
  });
});
