import type { ToolName } from '../test/interop/tools.js';

/** One kind of work that several tools do, and the floor: what the machine needs for the least that must be done. */
export interface Work {
  readonly name: string;
  readonly title: string;
  /** Whether it is among those that run unless told otherwise. */
  readonly main: boolean;
  readonly contestants: readonly Contestant[];
  /** Short work is run more often, since its times vary more: so many times in a round. @default 1 */
  readonly repeats?: number;
}

/**
 * One who does the work, each in a folder of their own that is the working directory of all scripts, for bash. A run
 * that did not do its work is a failure of the benchmark, not a fast run.
 */
export interface Contestant {
  readonly name: string;
  readonly role: 'stowage' | 'peer' | 'floor';
  readonly needs?: readonly ToolName[];
  /** Whether this version of stowage can do it at all; else it is skipped. */
  readonly supported?: string;
  /** Once, before the first run. */
  readonly prepare?: string;
  /** Makes the state that a run starts from. */
  readonly before?: string;
  /** What is measured. */
  readonly run: readonly string[];
  /** Fails unless the run did what it was to do. */
  readonly check: string;
  /** Once, after the last run; the folder goes by itself. */
  readonly cleanup?: string;
}

/** A line for bash, for what is more than one process. */
export const shell = (script: string): readonly string[] => ['bash', '-euo', 'pipefail', '-c', script];
