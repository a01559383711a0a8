import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkNamespace } from './validate.js';

const table = join(process.env.TABLES_DIR ?? '../shared/tables', 'containerd-identifiers-labels.json');

interface Group {
  readonly cases: readonly { readonly input?: string; readonly valid?: boolean }[];
}

describe('checkNamespace', () => {
  it.skipIf(!existsSync(table))('agrees with containerd (skipped where the test tables are absent)', () => {
    const { groups } = JSON.parse(readFileSync(table, 'utf8')) as { groups: Record<string, Group> };
    const cases = Object.values(groups).flatMap((group) => group.cases);
    const identifiers = cases.filter(({ input }) => input !== undefined);
    expect(identifiers.length).toBeGreaterThan(20);
    for (const { input = '', valid } of identifiers) {
      const check = expect(() => checkNamespace(input), JSON.stringify(input));
      if (valid) check.not.toThrow();
      else check.toThrowError(expect.objectContaining({ code: 'INVALID' }));
    }
  });

  it('says what is wrong', () => {
    expect(() => checkNamespace('a b')).toThrow(/^Cannot use namespace "a b": an identifier must match/);
    expect(() => checkNamespace('a'.repeat(77))).toThrow('at most 76 characters');
    expect(() => checkNamespace('')).toThrow('must not be empty');
    expect(() => checkNamespace('default\n')).toThrow('must match');
  });
});
