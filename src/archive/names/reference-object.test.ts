import { describe, expect, it } from 'vitest';
import { isStowageError, type StowageError } from '../../errors.js';
import { IMAGE_NAME, REF_NAME } from '../../oci/annotation.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { blob } from '../../testing/build-image.js';
import { matchObject, referenceObject } from './reference-object.js';

const entry = (content: string, annotations?: Record<string, string>): Descriptor => ({
  ...blob(content, 'application/vnd.oci.image.manifest.v1+json').descriptor,
  ...(annotations === undefined ? {} : { annotations }),
});
const latest = entry('latest', { [REF_NAME]: 'latest' });
const full = entry('full', { [REF_NAME]: 'docker.io/library/busybox:1.36' });
const containerd = entry('containerd', { [IMAGE_NAME]: 'docker.io/library/redis:7', [REF_NAME]: '7' });
const nameless = entry('nameless');
const entries = [latest, full, containerd, nameless];

function match(ref: string, object?: string, among = entries): Descriptor {
  return matchObject(ref, referenceObject(ref, object, among, '"x.tar"'), among, '"x.tar"');
}

function failure(work: () => unknown): StowageError {
  try {
    work();
  } catch (error) {
    if (isStowageError(error)) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

describe('an image of an archive is found', () => {
  it.each([
    ['its tag', 'foo/new:latest', undefined, latest],
    ['the tag of a name without a slash, by the grammar of Docker', 'busybox:latest', undefined, latest],
    ['the object given instead of that of the name', 'foo/new:mine', 'latest', latest],
    ['its digest', `foo/new@${nameless.digest}`, undefined, nameless],
    ['its digest alone', 'foo/new:x', nameless.digest, nameless],
    ['its digest, whatever the tag', `foo/new:latest@${nameless.digest}`, undefined, nameless],
    ['its full name', 'foo/new:x', 'docker.io/library/busybox:1.36', full],
    ['its full name as containerd writes it', 'foo/new:x', 'docker.io/library/redis:7', containerd],
    ['the name it is to get', 'docker.io/library/busybox:1.36', undefined, full],
    ['the tag of its full name, if it is the only one', 'foo/new:1.36', undefined, full],
    ['an empty object as if none were given', 'foo/new:latest', '', latest],
  ])('by %s', (_, ref, object, expected) => {
    expect(match(ref, object)).toBe(expected);
  });
});

describe('an image of an archive is not found', () => {
  it('when the name has no object, listing what there is', () => {
    const error = failure(() => match('foo/new'));
    expect(error.code).toBe('INVALID');
    expect(error.message).toContain('unexpected object: ""');
    for (const text of [
      '"latest"',
      '"docker.io/library/busybox:1.36"',
      '"docker.io/library/redis:7"',
      nameless.digest,
    ]) {
      expect(error.message).toContain(text);
    }
  });

  it('when nothing matches, listing what there is', () => {
    const error = failure(() => match('foo/new:2'));
    expect(error.code).toBe('NOT_FOUND');
    expect(error.message).toMatch(/not found: "2"; the archive holds "latest" \(sha256:/);
  });

  it('when the digest matches nothing, even if the tag would', () => {
    expect(failure(() => match(`foo/new:latest@sha256:${'0'.repeat(64)}`)).code).toBe('NOT_FOUND');
  });

  it('when the tag ends the full names of several images', () => {
    const twins = ['a', 'b'].map((name) => entry(name, { [IMAGE_NAME]: `docker.io/library/${name}:1` }));
    const error = failure(() => match('foo/new:1', undefined, twins));
    expect([error.code, error.message]).toEqual(['INVALID', expect.stringContaining('could be any of')]);
    expect(match('foo/new:1', undefined, [twins[0], twins[0]] as Descriptor[])).toBe(twins[0]);
  });

  it('when the archive holds nothing', () => {
    expect(failure(() => match('foo/new:1', undefined, [])).message).toContain('the archive holds no images');
  });
});
