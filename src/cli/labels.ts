import type { LabelChanges, Labels } from '../content/store.js';
import { compareBytewise } from '../io/bytewise.js';
import { usageError } from './usage-error.js';

/** `k=v,k=v`, sorted by key. */
export function formatLabels(labels: Labels): string {
  const parts: string[] = [];
  for (const [key, value] of Object.entries(sortLabels(labels))) parts.push(`${key}=${value}`);
  return parts.join(',');
}

export function sortLabels(labels: Labels): Labels {
  const keys = Object.keys(labels);
  // Stores keep them sorted, and in long lists sorting again takes longer than all the rest.
  if (keys.every((key, place) => place === 0 || compareBytewise(keys[place - 1]!, key) < 0)) return labels;
  return Object.fromEntries(Object.entries(labels).sort(([a], [b]) => compareBytewise(a, b)));
}

/**
 * Arguments as `ctr` reads them (spec 9.1): `k=v`; `k` alone is `k=true`; `k=` takes the label away.
 * @throws {StowageError} INVALID where the key is empty.
 */
export function parseLabelChanges(assignments: readonly string[], command: readonly string[]): LabelChanges {
  return Object.fromEntries(
    assignments.map((assignment): [string, string | null] => {
      const equals = assignment.indexOf('=');
      if (equals === 0) throw usageError(`label ${JSON.stringify(assignment)} has no key`, command);
      if (equals < 0) return [assignment, 'true'];
      return [assignment.slice(0, equals), assignment.slice(equals + 1) || null];
    }),
  );
}

/**
 * The same for labels that are set on something new, where there is none to take away.
 * @throws {StowageError} INVALID where key or value is empty.
 */
export function parseLabels(assignments: readonly string[], command: readonly string[]): Labels {
  return Object.fromEntries(
    Object.entries(parseLabelChanges(assignments, command)).map(([key, value]): [string, string] => {
      if (value === null) throw usageError(`label ${JSON.stringify(`${key}=`)} has no value`, command);
      return [key, value];
    }),
  );
}
