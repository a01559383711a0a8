import { expect } from 'vitest';
import { describeTable } from '../../test/tables.js';
import { isStowageError } from '../errors.js';
import type { Digest } from './digest.js';
import { parseDigest } from './digest.js';
import type { DockerReference } from './docker-reference.js';
import {
  dockerName,
  dockerString,
  familiarMatch,
  familiarName,
  isDomain,
  isIdentifier,
  parseAnyReference,
  parseDockerRef,
  parseDockerReference,
  parseNormalized,
  withDigest,
  withTag,
} from './docker-reference.js';

const REASONS: Record<string, RegExp> = {
  ErrReferenceInvalidFormat: /invalid reference format|must have at least one component/,
  ErrNameEmpty: /repository name must have at least one component/,
  ErrNameContainsUppercase: /repository name must be lowercase/,
  ErrNameTooLong: /repository name must not be more than 255 characters/,
  'digest.ErrDigestInvalidLength': /invalid checksum digest length/,
  'digest.ErrDigestUnsupported': /unsupported digest algorithm/,
};

const fails = (action: () => unknown, error: string) => expect(action).toThrow(REASONS[error]);

describeTable('reference-distribution-parse.json', {
  groups: {
    TestReferenceParse: ({ input, err, repository, domain, tag, digest }) => {
      if (err !== undefined) return fails(() => parseDockerReference(input), err.error);
      const reference = parseDockerReference(input);
      expect(dockerName(reference)).toBe(repository);
      expect(reference.domain).toBe(domain ?? '');
      expect([reference.tag, reference.digest]).toEqual([tag, digest]);
      expect(dockerString(reference)).toBe(input);
    },
    TestWithNameFailure: ({ input, err }) => fails(() => parseDockerReference(input), err.error),
    TestDomainAndPath: ({ input, domain, path }) =>
      expect(parseDockerReference(input)).toEqual({ domain, path }),
    TestSerialization: ({ input = '', err, name, tag, digest }) => {
      if (err !== undefined) return fails(() => parseDockerReference(input), err.error);
      const reference = parseDockerReference(input);
      expect([dockerName(reference), reference.tag, reference.digest]).toEqual([name, tag, digest]);
      expect(parseDockerReference(dockerString(reference))).toEqual(reference);
    },
    TestWithTag: ({ name, tag, digest, combined }) => {
      const named = parseDockerReference(name);
      const base = digest === undefined ? named : withDigest(named, parseDigest(digest));
      expect(dockerString(withTag(base, tag))).toBe(combined);
    },
    TestWithDigest: ({ name, tag, digest, combined }) => {
      const named = parseDockerReference(name);
      const base = tag === undefined ? named : withTag(named, tag);
      expect(dockerString(withDigest(base, parseDigest(digest)))).toBe(combined);
    },
    TestParseNamed: ({ input, err, domain, path }) => {
      const isCanonical = dockerString(parseNormalized(input)) === input;
      expect(isCanonical).toBe(err === undefined);
      if (err === undefined) expect(parseNormalized(input)).toEqual({ domain, path });
    },
  },
  decidedAgainst: {
    'TestReferenceParse[14]': 'sha512 is supported here',
    'TestWithNameFailure[3]':
      'nothing takes a name without tag and digest; as a reference its digest is the error',
    'TestWithNameFailure[4]': 'nothing takes a name without tag and digest; as a reference this is valid',
    'TestWithTag[4]': 'a digest has all of its digits: shorter ones cannot be made',
    'TestWithDigest[0]': 'a digest has all of its digits: shorter ones cannot be made',
    'TestWithDigest[1]': 'a digest has all of its digits: shorter ones cannot be made',
    'TestWithDigest[2]': 'a digest has all of its digits: shorter ones cannot be made',
    'TestWithDigest[3]': 'a digest has all of its digits: shorter ones cannot be made',
  },
});

const isValid = (input: string) => {
  try {
    parseNormalized(input);
    return true;
  } catch (error) {
    if (!isStowageError(error)) throw error;
    return false;
  }
};

describeTable('reference-distribution-normalize.json', {
  groups: {
    'TestValidateReferenceName:validRepoNames': ({ input }) => expect(isValid(input)).toBe(true),
    'TestValidateReferenceName:invalidRepoNames': ({ input }) => expect(isValid(input)).toBe(false),
    'TestValidateRemoteName:validRepositoryNames': ({ input }) => expect(isValid(input)).toBe(true),
    'TestValidateRemoteName:invalidRepositoryNames': ({ input }) => expect(isValid(input)).toBe(false),
    TestParseRepositoryInfo: ({ RemoteName, FamiliarName, FullName, AmbiguousName, Domain }) => {
      for (const input of [FamiliarName, FullName, AmbiguousName].filter((text) => text !== '')) {
        const reference = parseNormalized(input);
        expect([familiarName(reference), dockerName(reference)]).toEqual([FamiliarName, FullName]);
        expect(reference).toEqual({ domain: Domain, path: RemoteName });
      }
    },
    TestParseAnyReference: ({ Reference, Expected, Equivalent }) => {
      const parsed = parseAnyReference(Reference);
      expect(textOf(parsed)).toBe(Expected ?? Equivalent);
      expect(textOf(parseAnyReference(Equivalent))).toBe(Equivalent);
    },
    TestNormalizedSplitHostname: ({ input, domain, path }) =>
      expect(parseNormalized(input)).toEqual({ domain, path }),
    TestMatch: ({ reference, pattern, expected }) =>
      expect(familiarMatch(pattern, parseNormalized(reference))).toBe(expected),
    TestParseDockerRef: ({ input, expected }) => expect(dockerString(parseDockerRef(input))).toBe(expected),
  },
});

function textOf(parsed: DockerReference | Digest): string {
  return typeof parsed === 'string' ? parsed : dockerString(parsed);
}

describeTable('reference-distribution-regexp.json', {
  groups: {
    TestDomainRegexp: ({ input, match }) => expect(isDomain(input)).toBe(match),
    TestFullNameRegexp: ({ input, match, subs }) => {
      const reference = attempt(input);
      const isName = reference !== undefined && dockerName(reference) === input;
      expect(isName).toBe(match);
      if (subs !== undefined) expect([reference?.domain, reference?.path]).toEqual(subs);
    },
    TestReferenceRegexp: ({ input, match, subs }) => {
      const reference = attempt(input);
      expect(reference !== undefined).toBe(match);
      if (subs === undefined || reference === undefined) return;
      expect([dockerName(reference), reference.tag ?? '', reference.digest ?? '']).toEqual(subs);
    },
    TestIdentifierRegexp: ({ input, match }) => expect(isIdentifier(input)).toBe(match),
  },
});

function attempt(input: string): DockerReference | undefined {
  try {
    return parseDockerReference(input);
  } catch (error) {
    if (!isStowageError(error)) throw error;
    return undefined;
  }
}
