import { describe, expect, it } from 'vitest';
import { lookupCandidates, ociRefName } from './image-name.js';

const digest = `sha256:${'a'.repeat(64)}`;

describe('lookupCandidates', () => {
  it.each([
    ['busybox', ['busybox', 'busybox:latest', 'docker.io/library/busybox:latest']],
    ['busybox:1', ['busybox:1', 'docker.io/library/busybox:1']],
    ['foo/new', ['foo/new', 'foo/new:latest', 'docker.io/foo/new:latest']],
    ['localhost:5000/a', ['localhost:5000/a', 'localhost:5000/a:latest']],
    ['docker.io/library/busybox:latest', ['docker.io/library/busybox:latest']],
    [`a@${digest}`, [`a@${digest}`, `docker.io/library/a@${digest}`]],
    [`a:1@${digest}`, [`a:1@${digest}`, `docker.io/library/a:1@${digest}`, `docker.io/library/a@${digest}`]],
    ['Not A Name', ['Not A Name', 'Not A Name:latest']],
    ['', ['']],
  ])('of %j are %j', (name, expected) => {
    expect(lookupCandidates(name)).toEqual(expected);
  });
});

describe('ociRefName', () => {
  it.each([
    ['docker.io/library/busybox:latest', 'latest'],
    [`docker.io/library/busybox:1@${digest}`, `1@${digest}`],
    [`docker.io/library/busybox@${digest}`, `docker.io/library/busybox@${digest}`],
    ['docker.io/library/busybox', 'docker.io/library/busybox'],
    ['busybox:latest', 'busybox:latest'],
    ['foo/new:latest', 'latest'],
  ])('of %j is %j', (name, expected) => {
    expect(ociRefName(name)).toBe(expected);
  });
});
