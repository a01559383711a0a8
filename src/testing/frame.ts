import type { Store } from '../images/store.js';

/** A body of a test or group. Rejecting fails the test. */
type Body = () => Promise<void> | void;

/** The two functions a suite needs of a test runner; those of vitest, node:test, jest and mocha do. */
export interface TestFrame {
  readonly describe: (name: string, body: () => void) => unknown;
  readonly it: ((name: string, body: Body) => unknown) & {
    readonly skip?: (name: string, body: Body) => unknown;
  };
}

/** Makes a new, empty store. The suite closes it. */
export type StoreFactory = () => Promise<Store>;

/** Something a backend is known not to do yet. */
export interface KnownGap {
  /** The name of the test, without its group. */
  readonly test: string;
  readonly reason: string;
}

export interface SuiteOptions {
  readonly skip?: readonly KnownGap[];
}

/** A test of a suite: a sentence about the store, and what proves it. */
export type SuiteTests = Readonly<Record<string, (store: Store) => Promise<void>>>;

/**
 * Declares every test on a store of its own. A known gap is shown as skipped, with its reason, where the runner has
 * `it.skip`.
 *
 * @throws {Error} if a known gap names no test, so that a list of gaps cannot go stale.
 */
export function declareSuite(
  frame: TestFrame,
  group: string,
  tests: SuiteTests,
  factory: StoreFactory,
  options: SuiteOptions = {},
): void {
  const reasons = new Map((options.skip ?? []).map(({ test, reason }) => [test, reason]));
  for (const name of reasons.keys()) {
    if (!Object.hasOwn(tests, name)) throw new Error(`no test of ${group} is named ${JSON.stringify(name)}`);
  }
  frame.describe(group, () => {
    for (const [name, test] of Object.entries(tests)) {
      const reason = reasons.get(name);
      const body = async () => {
        const store = await factory();
        try {
          await test(store);
        } finally {
          await store.close();
        }
      };
      if (reason === undefined) frame.it(name, body);
      else frame.it.skip?.(`${name} (${reason})`, body);
    }
  });
}
