import { describe, expect, it } from 'vitest';
import { IMAGE_NAME, MANIFEST_SUBJECT, REF_NAME } from '../../oci/annotation.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { blob } from '../../testing/build-image.js';
import { archiveNames, digestTagOfEntry, type ArchiveNameOptions } from './archive-names.js';

const entry = (content: string, annotations: Record<string, string> = {}): Descriptor => ({
  ...blob(content, 'application/vnd.oci.image.manifest.v1+json').descriptor,
  annotations,
});
const list = blob('index', 'application/vnd.oci.image.index.v1+json').descriptor;
const now = new Date(2026, 0, 5, 23, 59);

const namesOf = (entries: Descriptor[], options: Omit<ArchiveNameOptions, 'now'> = {}) =>
  archiveNames(entries, list, { ...options, now }, '"x.tar"').map(({ name }) => name);

/** One entry with this name (none: undefined) under either annotation key. */
const one = (refName: string | undefined, key = REF_NAME) =>
  entry('one', refName === undefined ? {} : { [key]: refName });
const digest = one(undefined).digest;

/** Why the only name of an archive cannot be given. */
const problemOf = (only: Descriptor) => archiveNames([only], list, { now }, '"x.tar"')[0]?.problem?.message;

describe('archiveNames()', () => {
  it.each([
    ['r/i:latest', { baseName: 'r/i' }, ['r/i:latest']],
    ['latest', { baseName: 'r/i' }, ['r/i:latest']],
    ['latest', {}, ['import-2026-01-05:latest']],
    ['r/i:latest', {}, ['r/i:latest']],
    [
      'r/base:latest',
      { baseName: 'r/base', digests: true },
      ['r/base:latest', `r/base@${digest}`, `r/base@${list.digest}`],
    ],
    [
      'latest',
      { baseName: 'r/b', digests: true, skipDigestForNamed: true },
      ['r/b:latest', `r/b@${list.digest}`],
    ],
    [undefined, { baseName: 'r/b' }, [`r/b@${digest}`]],
    [undefined, {}, [`import-2026-01-05@${digest}`]],
    [
      undefined,
      { baseName: 'r/b', digests: true, skipDigestForNamed: true },
      [`r/b@${digest}`, `r/b@${list.digest}`],
    ],
    ['latest', { indexName: 'all:1', baseName: 'r/b' }, ['all:1', 'r/b:latest']],
    ['r/ia:latest', { baseName: 'r/i', digests: true }, [`r/i@${digest}`, `r/i@${list.digest}`]],
    ['r/i', { baseName: 'r/i' }, ['r/i']],
    ['r/i@sha256:1', { baseName: 'r/i' }, ['r/i@sha256:1']],
    ['r/i/deeper:1', { baseName: 'r/i' }, ['r/i/deeper:1']],
  ] as const)('calls an entry %o, with %o, %o', (refName, options, expected) => {
    expect(namesOf([one(refName)], options)).toEqual(expected);
    expect(namesOf([one(refName, IMAGE_NAME)], options)).toEqual(expected);
  });

  it('prefers the full name that containerd writes, and does not fall back to the tag', () => {
    const both = entry('one', { [IMAGE_NAME]: 'docker.io/library/a:1', [REF_NAME]: '1' });
    expect(namesOf([both])).toEqual(['docker.io/library/a:1']);
    expect(() => namesOf([both], { baseName: 'r/i' })).toThrow(
      /lie outside "r\/i": "docker.io\/library\/a:1"/,
    );
  });

  it('leaves out what lies outside the base as long as something is left', () => {
    expect(
      namesOf([entry('a', { [REF_NAME]: 'x/y:1' }), entry('b', { [REF_NAME]: 'r/i:2' })], {
        baseName: 'r/i',
      }),
    ).toEqual(['r/i:2']);
  });

  it('gives a referrer no name by digest', () => {
    expect(namesOf([entry('sbom', { [MANIFEST_SUBJECT]: digest }), one('r/i:1')])).toEqual(['r/i:1']);
  });

  it('says which names were chosen by the caller and which images had none', () => {
    const names = archiveNames([one(undefined)], list, { indexName: 'all:1', now }, '"x.tar"');
    expect(names.map(({ chosen, unnamed }) => [chosen, unnamed])).toEqual([
      [true, false],
      [false, true],
    ]);
  });

  it('takes a name twice for the same image', () => {
    const a = entry('a', { [REF_NAME]: 'r/i:1' });
    expect(namesOf([a, a])).toEqual(['r/i:1']);
  });

  it.each([
    ['error', [true, true, true], [undefined, undefined, undefined]],
    ['skip', [false, false, false], [undefined, 'a', 'a']],
    ['move', [false, false, false], ['c', 'c', undefined]],
  ] as const)('gives a name that several images have by the policy %s', (onDuplicate, refused, lostTo) => {
    const [a, b, c] = ['a', 'b', 'c'].map((content) => entry(content, { [REF_NAME]: 'r/i:1' })) as [
      Descriptor,
      Descriptor,
      Descriptor,
    ];
    const names = archiveNames([a, b, c], list, { onDuplicate, now }, '"x.tar"');
    expect(names.map(({ problem }) => problem !== undefined)).toEqual(refused);
    const letters = new Map([a, b, c].map(({ digest: each }, at) => [each, 'abc'[at]]));
    expect(names.map(({ lostTo: winner }) => winner && letters.get(winner))).toEqual(lostTo);
    if (onDuplicate === 'error') {
      expect(names[0]?.problem?.message).toBe(
        `Cannot import "x.tar": it gives the name "r/i:1" to 3 images, ${a.digest}, ${b.digest} and ${c.digest}`,
      );
    }
  });

  it('lets the name that the caller chose win over the same name from the archive', () => {
    const a = entry('a', { [REF_NAME]: 'all:1' });
    const names = archiveNames([a], list, { indexName: 'all:1', onDuplicate: 'move', now }, '"x.tar"');
    expect(names.map(({ target, lostTo }) => [target.digest, lostTo])).toEqual([
      [list.digest, undefined],
      [a.digest, list.digest],
    ]);
  });

  it.each(['', '.sig', '.att', '.sbom'])(
    'names by a tag of a digest and %j only what has a full name',
    (end) => {
      const tag = `${digest.replace(':', '-')}${end}`;
      const short = entry('short', { [REF_NAME]: tag });
      const full = entry('full', { [IMAGE_NAME]: `r/i:${tag}`, [REF_NAME]: tag });
      expect(namesOf([short, full])).toEqual([`r/i:${tag}`]);
      expect(namesOf([short], { baseName: 'r/i', digests: true })).toEqual([`r/i@${list.digest}`]);
      expect(digestTagOfEntry(short)).toEqual({ subject: digest, suffix: end });
      expect(digestTagOfEntry(full)).toEqual({ subject: digest, suffix: end });
    },
  );

  it('gives what says itself what it refers to no name by digest', () => {
    const sbom = entry('sbom');
    expect(namesOf([sbom, one('r/i:1')], { referrers: new Set([sbom.digest]) })).toEqual(['r/i:1']);
  });

  it.each(['UPPER/case:1', 'a//b:1', 'a/b:tag with spaces', '-a:1', `a:${'t'.repeat(200)}`, 'ünïcode/x:1'])(
    'keeps %j as it is, though Docker would refuse it',
    (name) => {
      const [named] = archiveNames([one(name)], list, { now }, '"x.tar"');
      expect(named).toMatchObject({ name });
      expect(named?.problem).toBeUndefined();
    },
  );

  it('takes an empty name for none', () => {
    expect(namesOf([one('')], { baseName: 'r/b' })).toEqual([`r/b@${digest}`]);
    expect(namesOf([entry('one', { [IMAGE_NAME]: '', [REF_NAME]: '1' })], { baseName: 'r/b' })).toEqual([
      'r/b:1',
    ]);
  });

  it.each(['a/b:\u001b[2J', 'a/b:\u009b2J', 'a/b:1\n', 'a/b:\u202e1', 'a\0b'])(
    'refuses %j, which could drive a terminal, and shows it harmless',
    (name) => {
      expect(problemOf(one(name))).toMatch(/^Cannot import "x\.tar": it names an image "[ -~]+", /);
    },
  );

  it('refuses a name longer than anybody would give, cutting it in the message', () => {
    expect(problemOf(one('a'.repeat(5000)))).toMatch(/"a{100,400}…", which has 5000 characters/);
  });

  it('gives nothing for no entries', () => {
    expect(namesOf([])).toEqual([]);
  });
});
