/** What came of one cell of the matrix: it works, perhaps with a remark, or it cannot, for this reason. */
export type Verdict = 'ok' | { readonly remark: string } | { readonly limit: string };

/** One row of the page: a tool and a way to use it, and what came of it in each column that applies. */
export interface Row {
  readonly tool: string;
  readonly way: string;
  readonly verdicts: ReadonlyMap<string, Verdict>;
}

/**
 * Facts that a script printed, a line each: what kind of fact, of which image, and the fact.
 *
 *     manifest docker.io/interop/matrix:1 sha256:…
 *     prints   docker.io/interop/matrix:1 carried by stowage
 */
export type Facts = ReadonlySet<string>;

export function factsOf(output: string): Facts {
  return new Set(
    output
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.replaceAll(/\s+/g, ' ').trim()),
  );
}

/** The verdicts of all columns of a row; throws what went wrong in any of them, all at once. */
export async function gathered<Column extends string>(
  columns: readonly Column[],
  verdictOf: (column: Column) => Promise<Verdict>,
): Promise<ReadonlyMap<string, Verdict>> {
  const verdicts = new Map<string, Verdict>();
  const failures: string[] = [];
  for (const column of columns) {
    try {
      verdicts.set(column, await verdictOf(column));
    } catch (error) {
      const { actual, expected } = error as { actual?: unknown; expected?: unknown };
      const compared = JSON.stringify({ actual, expected }, undefined, 1);
      failures.push(`${column}: ${error instanceof Error ? error.message : String(error)}\n${compared}`);
    }
  }
  if (failures.length > 0) throw new Error(failures.join('\n\n'));
  return verdicts;
}
