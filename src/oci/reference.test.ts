import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeTable } from '../../test/tables.js';
import {
  dockerName,
  dockerString,
  familiarMatch,
  familiarName,
  isTag,
  parseAnyReference,
  parseDockerRef,
  parseNormalized,
  withDefaultTag,
} from './docker-reference.js';
import { parseReference, referenceString, splitObject } from './reference.js';

const REASONS: Record<string, RegExp> = {
  ErrHostnameRequired: /does not begin with a hostname/,
  ErrInvalid: /has a scheme/,
};
const otherScheme =
  'names with a scheme (ipfs:, oci-archive:) and bare content identifiers belong to that tool';

describeTable('reference-containerd.json', {
  groups: {
    TestReferenceParser: ({ Input, Expected, Hostname, Digest, Normalized, Err }) => {
      if (Err !== undefined) {
        expect(() => parseReference(Input)).toThrow(REASONS[Err.error]);
        return;
      }
      const reference = parseReference(Input);
      expect(reference.locator).toBe(Expected.Locator);
      expect(reference.object).toBe(Expected.Object);
      expect(reference.hostname).toBe(Hostname);
      expect(reference.digest ?? '').toBe(Digest ?? '');
      if (Normalized !== undefined) expect(referenceString(reference)).toBe(Normalized);
    },
    'nerdctl TestReferenceUtil': (row) => {
      if (row.Error !== '') {
        expect(() => parseAnyReference(row.input)).toThrow(
          row.Error === '' ? undefined : /invalid|must have/,
        );
        return;
      }
      const parsed = parseAnyReference(row.input);
      if (typeof parsed === 'string') {
        expect([parsed, row.Domain, row.Path]).toEqual([row.String, '', '']);
        return;
      }
      const reference = withDefaultTag(parsed);
      expect(dockerString(reference)).toBe(row.String);
      expect(familiarName(reference)).toBe(row.FamiliarName);
      expect([reference.domain, reference.path]).toEqual([row.Domain, row.Path]);
      expect([reference.tag ?? '', reference.digest ?? '']).toEqual([row.Tag, row.Digest]);
      for (const [pattern, expected] of Object.entries(row.FamiliarMatch ?? {})) {
        expect([pattern, familiarMatch(pattern, reference)]).toEqual([pattern, expected]);
      }
    },
  },
  decidedAgainst: {
    'nerdctl TestReferenceUtil[20]': otherScheme,
    'nerdctl TestReferenceUtil[21]': otherScheme,
    'nerdctl TestReferenceUtil[22]': otherScheme,
    'nerdctl TestReferenceUtil[23]': otherScheme,
    'nerdctl TestParseRepoTag': 'splitting a name into columns is the business of the command',
  },
});

describe('parseReference', () => {
  it.each([
    ['redis:latest', 'invalid port'],
    ['docker.io/a%zz', 'percent escape'],
    ['docker.io/a%ff', 'percent escape'],
    ['docker.io/a\nb', 'control character'],
    ['a b/c', 'host has the character'],
    ['[::1/c', 'no closing bracket'],
    ['', 'does not begin with a hostname'],
    ['user name@host/c', 'invalid user'],
  ])('refuses %j: %s', (text, reason) => {
    expect(() => parseReference(text)).toThrow(reason);
  });

  it.each([
    ['docker.io/a/../b//c/:tag', 'docker.io/b/c', 'tag'],
    ['me:secret@docker.io/a#frag', 'docker.io/a', ''],
    ['Docker.IO:443/A%2fB', 'Docker.IO:443/A/B', ''],
    ['[::1]:5000/a@sha256:1', '[::1]:5000/a', '@sha256:1'],
    ['busybox', 'busybox', ''],
    ['localhost:/a', 'localhost:/a', ''],
  ])('reads %j as Go does', (text, locator, object) => {
    expect(parseReference(text)).toMatchObject({ locator, object });
  });

  it('reads back what referenceString writes', () => {
    const part = fc.stringMatching(/^[a-z0-9][a-z0-9_.-]{0,8}[a-z0-9]$/);
    const path = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
    const port = fc.option(fc.nat(65_535), { nil: undefined });
    const object = fc.tuple(fc.option(part), fc.option(part)).map(([tag, digest]) => {
      return (tag ?? '') + (digest === null ? '' : `@${digest}`);
    });
    fc.assert(
      fc.property(part, port, path, object, (host, number, rest, which) => {
        const locator = `${host}${number === undefined ? '' : `:${number}`}/${rest}`;
        const text = referenceString({ locator, object: which });
        const reference = parseReference(text);
        expect(reference).toMatchObject({ locator, object: which });
        expect(referenceString(reference)).toBe(text);
        expect(splitObject(which).join('')).toBe(which);
      }),
    );
  });

  it('reads or refuses any text, and says so on one line', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        let reference;
        try {
          reference = parseReference(text);
        } catch (error) {
          expect((error as Error).message).toMatch(/^Cannot read reference "[^\n]*": [^\n]+$/);
          return;
        }
        expect(reference.locator.startsWith(reference.hostname)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});

describe('parseDockerRef', () => {
  it('completes to the same name whether it is given short or long', () => {
    const component = fc.stringMatching(/^[a-z0-9]{1,8}(?:(?:[._]|__|-{1,3})[a-z0-9]{1,4}){0,2}$/);
    const tag = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,12}$/);
    fc.assert(
      fc.property(fc.array(component, { minLength: 1, maxLength: 3 }), tag, (components, name) => {
        fc.pre(components.length === 1 || !/^localhost$|[.]/.test(components[0] ?? ''));
        fc.pre(isTag(name));
        const short = `${components.join('/')}:${name}`;
        const long = dockerString(parseDockerRef(short));
        expect(long.startsWith('docker.io/')).toBe(true);
        expect(dockerString(parseDockerRef(long))).toBe(long);
        expect(familiarMatch('*', parseNormalized(long))).toBe(components.length === 1);
        expect(dockerName(parseNormalized(long))).not.toContain(':');
      }),
    );
  });

  it('answers at once to long text that nearly matches', () => {
    expect(() => parseDockerRef(`${'a'.repeat(4000)}/!`)).toThrow('invalid reference format');
    expect(() => parseDockerRef(`${'a-'.repeat(2000)}!`)).toThrow('invalid reference format');
    expect(() => parseDockerRef('a'.repeat(100_000))).toThrow('at most 4096');
  });
});
