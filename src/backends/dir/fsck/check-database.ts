import { DATABASE } from '../paths.js';
import type { Check, Draft } from './check.js';

/** Lines of SQLite's own check that are told; the first says it all. */
const LINES = 3;

/** What SQLite itself finds wrong with the database; undefined if nothing. */
export async function checkDatabase(check: Check): Promise<Draft | undefined> {
  const rows = await check.read((queries) => queries.all(`PRAGMA integrity_check(${LINES})`));
  const problems = rows.map((row) => String(row['integrity_check'])).filter((line) => line !== 'ok');
  if (problems.length === 0) return undefined;
  return databaseDamaged(problems.join('; ').replace(/\s+/g, ' '));
}

export function databaseDamaged(message: string): Draft {
  return { code: 'database-damaged', where: DATABASE, message };
}
