import { StowageError } from '../errors.js';
import type { LabelChanges, Labels } from './store.js';

/** The most bytes key and value of a label may have together (spec 5.4). */
export const LABEL_LIMIT = 4096;

/**
 * @throws {StowageError} INVALID if a key is empty or a label is longer than {@link LABEL_LIMIT}. `owner` is what
 *   carries the labels, as it stands in a message.
 */
export function checkLabels(labels: LabelChanges, owner: string): void {
  for (const [key, value] of Object.entries(labels)) {
    const fail = (reason: string) =>
      new StowageError('INVALID', `Cannot label ${owner}: ${reason}`, { detail: { key: key.slice(0, 64) } });
    if (key === '') throw fail('the key of a label must not be empty');
    const length = Buffer.byteLength(key) + Buffer.byteLength(value ?? '');
    if (length > LABEL_LIMIT) {
      throw fail(
        `label key and value length (${length} bytes) greater than maximum size (${LABEL_LIMIT} bytes), ` +
          `key: ${JSON.stringify(key.slice(0, 64))}`,
      );
    }
  }
}

/**
 * `labels` after `changes`; labels that are not named stay. An empty value takes a label away like `null`, because
 * containerd knows no empty labels. The result is sorted by key and shares nothing with its inputs.
 */
export function mergeLabels(labels: Labels, changes: LabelChanges): Labels {
  const merged = new Map<string, string | null>([...Object.entries(labels), ...Object.entries(changes)]);
  const kept = [...merged].filter((entry): entry is [string, string] => entry[1] !== null && entry[1] !== '');
  return Object.fromEntries(kept.sort(([a], [b]) => (a < b ? -1 : 1)));
}
