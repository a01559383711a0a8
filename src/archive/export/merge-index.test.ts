import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IMAGE_NAME, REF_NAME } from '../../oci/annotation.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { blob, config, manifest } from '../../testing/build-image.js';
import { mergeIndex, type NewEntries } from './merge-index.js';

const targets = ['a', 'b', 'c'].map((text) => manifest(config(), blob(text)).descriptor);
const [one, two, three] = targets as [Descriptor, Descriptor, Descriptor];

interface Entry {
  readonly digest: string;
  readonly annotations?: Readonly<Record<string, string>>;
}
const merged = (existing: Uint8Array | undefined, added: Partial<NewEntries>) =>
  mergeIndex(existing, { names: [], referrers: [], ...added }, 'index.json');
const entriesOf = (bytes: Uint8Array) =>
  (JSON.parse(String(bytes)) as { manifests: Entry[] }).manifests.map(({ digest, annotations = {} }) => ({
    digest,
    name: annotations[IMAGE_NAME],
    ref: annotations[REF_NAME],
  }));
const fileOf = (...manifests: object[]) =>
  Buffer.from(JSON.stringify({ schemaVersion: 2, manifests, x: { y: 1 } }));
const called = (ref: string, target: Descriptor) => ({
  ...target,
  annotations: { [REF_NAME]: ref },
  'x-more': 1,
});

describe('mergeIndex()', () => {
  it('starts an index, and makes the same bytes of the same images again', () => {
    const names = [{ name: 'foo/a:1', target: one }];
    const { bytes } = merged(undefined, { names });
    expect(entriesOf(bytes)).toEqual([{ digest: one.digest, name: 'foo/a:1', ref: '1' }]);
    expect(Buffer.from(merged(bytes, { names }).bytes).equals(bytes)).toBe(true);
  });

  it('replaces what has the name, in its place, and says what it was', () => {
    const before = merged(undefined, {
      names: [
        { name: 'foo/a:1', target: one },
        { name: 'foo/b:2', target: two },
      ],
    });
    const { bytes, previous } = merged(before.bytes, { names: [{ name: 'foo/a:1', target: three }] });
    expect(entriesOf(bytes)).toEqual([
      { digest: three.digest, name: 'foo/a:1', ref: '1' },
      { digest: two.digest, name: 'foo/b:2', ref: '2' },
    ]);
    expect([...previous]).toEqual([['foo/a:1', one.digest]]);
  });

  it('keeps entries of other tools with everything they say, and the fields of the index', () => {
    const existing = fileOf(called('latest', one), called('2', two));
    const { bytes } = merged(existing, { names: [{ name: 'foo/c:3', target: three }] });
    const index = JSON.parse(String(bytes)) as { x: unknown; manifests: unknown[] };
    expect(index.manifests.slice(0, 2)).toEqual([called('latest', one), called('2', two)]);
    expect(index.x).toEqual({ y: 1 });
  });

  it('gives an image its full name where its tag is taken by another', () => {
    const { bytes } = merged(fileOf(called('1', one)), { names: [{ name: 'foo/b:1', target: two }] });
    expect(entriesOf(bytes).map(({ ref }) => ref)).toEqual(['1', 'foo/b:1']);
    const again = merged(bytes, { names: [{ name: 'foo/b:1', target: two }] });
    expect(Buffer.from(again.bytes).equals(bytes)).toBe(true);
  });

  it('takes no tag that another tool gave, not even to the same image, but its own full name', () => {
    const existing = fileOf(called('1', one), called('foo/a:1', two));
    const { bytes } = merged(existing, { names: [{ name: 'foo/a:1', target: one }] });
    expect(entriesOf(bytes)).toEqual([
      { digest: one.digest, name: undefined, ref: '1' },
      { digest: one.digest, name: 'foo/a:1', ref: 'foo/a:1' },
    ]);
  });

  it('moves a name the caller chose, and nothing is without a name for it', () => {
    const before = merged(fileOf(called('mine', one)), {
      names: [{ name: 'foo/b:1', target: two }],
      refName: 'x',
    });
    const { bytes } = merged(before.bytes, { names: [{ name: 'foo/c:1', target: three }], refName: 'mine' });
    expect(entriesOf(bytes)).toEqual([
      { digest: three.digest, name: 'foo/c:1', ref: 'mine' },
      { digest: two.digest, name: 'foo/b:1', ref: 'x' },
    ]);
    const again = merged(bytes, { names: [{ name: 'foo/a:1', target: one }], refName: 'x' });
    expect(entriesOf(again.bytes).map(({ ref }) => ref)).toEqual(['mine', 'foo/b:1', 'x']);
  });

  it('lists a referrer once, and moves the tag of a signature', () => {
    const tag = `sha256-${one.digest.slice(7)}.sig`;
    const signature = { ...two, annotations: { [REF_NAME]: tag } };
    const first = merged(undefined, { referrers: [signature, three] });
    expect(entriesOf(merged(first.bytes, { referrers: [signature, three] }).bytes)).toHaveLength(2);
    const moved = merged(first.bytes, { referrers: [{ ...three, annotations: signature.annotations }] });
    expect(entriesOf(moved.bytes)).toEqual([{ digest: three.digest, name: undefined, ref: tag }]);
  });

  it('refuses what is no index', () => {
    expect(() => merged(Buffer.from('{'), {})).toThrow(expect.objectContaining({ code: 'INVALID' }) as Error);
    expect(() => merged(Buffer.from('{"schemaVersion":2}'), {})).toThrow(/index\.json/);
  });

  it('never loses a name, and never calls two different images alike', () => {
    const name = fc.constantFrom('foo/a:1', 'foo/b:1', 'bar:2', 'bar@x', 'a:1');
    const target = fc.constantFrom(...targets);
    const foreign = fc.uniqueArray(fc.tuple(fc.constantFrom('1', '2', 'foo/a:1', 'z'), target), {
      selector: ([ref]) => ref,
    });
    const exports = fc.array(
      fc.uniqueArray(fc.tuple(name, target), { selector: ([key]) => key, minLength: 1 }),
    );
    fc.assert(
      fc.property(foreign, exports, (others, rounds) => {
        let bytes: Uint8Array = fileOf(...others.map(([ref, each]) => called(ref, each)));
        const expected = new Map<string, string>();
        for (const round of rounds) {
          bytes = merged(bytes, { names: round.map(([key, each]) => ({ name: key, target: each })) }).bytes;
          for (const [key, each] of round) expected.set(key, each.digest);
        }
        const entries = entriesOf(bytes);
        for (const [key, digest] of expected) {
          expect(entries.filter((entry) => entry.name === key).map((entry) => entry.digest)).toEqual([
            digest,
          ]);
        }
        for (const [ref, { digest }] of others) {
          const isMoved = expected.has(ref);
          expect(isMoved || entries.some((entry) => entry.ref === ref && entry.digest === digest)).toBe(true);
        }
        const byRef = new Map(entries.map(({ ref, digest }) => [ref, digest]));
        expect(entries.filter(({ ref, digest }) => byRef.get(ref) !== digest)).toEqual([]);
      }),
    );
  });
});
