import { open, readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type * as errors from './errors.js';
import {
  ERROR_TABLE,
  errnoOf,
  fromSystemError,
  isStowageError,
  StowageError,
  type ErrorCode,
} from './errors.js';
import { failureOf } from './testing/content.js';

const codes = Object.keys(ERROR_TABLE) as ErrorCode[];

/** Names of gRPC status codes that stand for errors. */
const GRPC =
  'Cancelled Unknown InvalidArgument DeadlineExceeded NotFound AlreadyExists PermissionDenied ' +
  'ResourceExhausted FailedPrecondition Aborted OutOfRange Unimplemented Internal Unavailable DataLoss ' +
  'Unauthenticated';

describe('the error table', () => {
  it.each(codes)('translates %s for every edge', (code) => {
    const { meaning, errno, grpc, http, exit } = ERROR_TABLE[code];
    expect(meaning).toMatch(/^[a-z].*[^.]$/);
    expect(GRPC.split(' ')).toContain(grpc);
    expect(http[0]).toBeGreaterThanOrEqual(400);
    expect(http[0]).toBeLessThan(600);
    expect(exit).toBeGreaterThan(0);
    expect(exit).toBeLessThan(126);
    for (const name of errno) expect(name).toMatch(/^E[A-Z0-9]+$/);
  });

  it('gives each errno to one code', () => {
    const names = codes.flatMap((code) => ERROR_TABLE[code].errno);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('StowageError', () => {
  it('carries code, facts, hint and cause', () => {
    const cause = new Error('why');
    const error = new StowageError('MISMATCH', 'Cannot do it', { detail: { a: 1 }, hint: 'do this', cause });
    expect(error).toMatchObject({
      name: 'StowageError',
      code: 'MISMATCH',
      detail: { a: 1 },
      hint: 'do this',
      cause,
    });
    expect(error).toBeInstanceOf(Error);
    const bare = new StowageError('BUSY', 'x');
    expect(bare).toMatchObject({ detail: {}, hint: undefined });
    expect('cause' in bare).toBe(false);
  });

  it('says nothing a terminal would obey, whatever it quotes', () => {
    const hostile = JSON.stringify('\u001b[2J \u009b2J \u202eevil\u2028');
    const error = new StowageError('INVALID', `Cannot read ${hostile}`, { hint: `leave ${hostile} out` });
    expect(error.message).toBe('Cannot read "\\u001b[2J \\u009b2J \\u202eevil\\u2028"');
    expect(error.hint).toBe('leave "\\u001b[2J \\u009b2J \\u202eevil\\u2028" out');
  });

  it('is recognised by code, also when another copy of the package made it', async () => {
    const path = './errors.js?another-copy';
    const copy = (await import(/* @vite-ignore */ path)) as typeof errors;
    expect(copy.StowageError).not.toBe(StowageError);
    const foreign: unknown = new copy.StowageError('BUSY', 'x');
    expect(foreign).not.toBeInstanceOf(StowageError);
    expect(isStowageError(foreign)).toBe(true);
    expect(isStowageError(foreign, 'BUSY')).toBe(true);
    expect(isStowageError(foreign, 'CORRUPT')).toBe(false);
  });

  it.each([
    [undefined],
    [null],
    ['BUSY'],
    [{ code: 'BUSY' }],
    [Object.assign(new Error('x'), { code: 'BUSY' })],
  ])('is not %o', (value) => expect(isStowageError(value)).toBe(false));
});

describe('fromSystemError', () => {
  it('translates what the system really says', async () => {
    const missing = await failureOf(readFile('/no/such/file'));
    expect(errnoOf(missing)).toBe('ENOENT');
    expect(fromSystemError(missing, 'Cannot read "/no/such/file"')).toMatchObject({
      code: 'NOT_FOUND',
      message: 'Cannot read "/no/such/file": no such file or directory',
      detail: { errno: 'ENOENT' },
      cause: missing,
    });
    expect(fromSystemError(await failureOf(readFile('/')), 'Cannot read "/"')).toMatchObject({
      code: 'INVALID',
      message: 'Cannot read "/": it is a directory',
    });
    const notFolder = await failureOf(open('/etc/passwd/x'));
    expect(fromSystemError(notFolder, 'x', { hint: 'look', detail: { path: 'p' } })).toMatchObject({
      code: 'INVALID',
      hint: 'look',
      detail: { errno: 'ENOTDIR', path: 'p' },
    });
  });

  it('knows every errno of the table, and takes another for UNAVAILABLE', () => {
    const failing = (code: string) => fromSystemError(Object.assign(new Error('x'), { code }), 'Cannot');
    for (const code of codes) {
      for (const errno of ERROR_TABLE[code].errno) expect(failing(errno)).toMatchObject({ code });
    }
    expect(failing('EWHATEVER')).toMatchObject({ code: 'UNAVAILABLE', message: 'Cannot: EWHATEVER' });
  });

  it('relabels nothing else', () => {
    const others = [
      new TypeError('a mistake'),
      new StowageError('BUSY', 'x'),
      Object.assign(new Error('x'), { code: 'ERR_INVALID_ARG_TYPE' }),
      'text',
      undefined,
    ];
    for (const error of others) expect(fromSystemError(error, 'Cannot')).toBe(error);
  });
});
