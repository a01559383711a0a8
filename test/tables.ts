/**
 * Runs tables of inputs and expected results that were collected from the test suites of other projects. They are not
 * part of this repository: `TABLES_DIR` says where they are, `../shared/tables` by default; without them the tests
 * are skipped.
 */
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the columns differ from group to group
export type Case = Record<string, any>;

interface Table {
  readonly title: string;
  readonly groups: Readonly<Record<string, { readonly cases: readonly Case[] }>>;
}

export interface TableTest {
  /** For each group of the table, what has to hold for a case: throws, or rejects, if it does not. */
  readonly groups: Readonly<Record<string, (row: Case) => void | Promise<void>>>;
  /** Groups whose checks understand the Go code in them that was not evaluated; elsewhere such cases are passed over. */
  readonly withGo?: readonly string[];
  /**
   * Cases (`Group[3]`, counted from 0) and whole groups (`Group`) that are decided against, with the reason. A case
   * listed here has to fail, so that the list does not outlive the decision.
   */
  readonly decidedAgainst?: Readonly<Record<string, string>>;
}

/** Every case of a table passes or is decided against; a group or an entry that does not exist is an error too. */
export function describeTable(file: string, { groups, withGo = [], decidedAgainst = {} }: TableTest): void {
  const path = resolve(process.env.TABLES_DIR ?? '../shared/tables', file);
  if (!existsSync(path)) {
    describe.skip(`${file} (skipped: TABLES_DIR has no such table)`, () => {
      it('needs the table', () => undefined);
    });
    return;
  }
  const table = JSON.parse(readFileSync(path, 'utf8')) as Table;

  describe(table.title, () => {
    it('has a check or a decision for every group, and no others', () => {
      const decided = Object.keys(decidedAgainst).map((key) => key.replace(/\[\d+\]$/, ''));
      expect(new Set([...Object.keys(groups), ...decided])).toEqual(new Set(Object.keys(table.groups)));
    });

    for (const [name, { cases }] of Object.entries(table.groups)) {
      const check = groups[name];
      if (check === undefined) continue;
      it(`${name}: ${cases.length} cases`, async () => {
        const listed = Object.keys(decidedAgainst).filter((key) => key.startsWith(`${name}[`));
        const keys = cases.map((_, index) => `${name}[${index}]`);
        expect(listed.filter((key) => !keys.includes(key))).toEqual([]);

        const problems: string[] = [];
        for (const [index, row] of cases.entries()) {
          const key = keys[index] ?? '';
          if (isUnresolved(row) && !withGo.includes(name)) continue;
          const failure = await failureOf(() => check(row));
          if (key in decidedAgainst) {
            if (failure === undefined) problems.push(`${key} passes, but is listed`);
          } else if (failure !== undefined) problems.push(`${key} ${JSON.stringify(row)}: ${failure}`);
        }
        expect(problems).toEqual([]);
      });
    }
  });
}

/** Whether a value of the case is Go code that was not evaluated when the table was made. */
function isUnresolved(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(([key, item]) => key === '$go' || isUnresolved(item));
}

async function failureOf(check: () => void | Promise<void>): Promise<string | undefined> {
  try {
    await check();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
