import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { it } from 'vitest';

/**
 * The test of a page of docs/concepts: its numbered steps are done as they are told, every one and in their order.
 * Answers what to say for each step: how its text begins, and what it comes to.
 */
export function story(page: string, title: string): (says: RegExp, done: () => Promise<void>) => void {
  const steps: { readonly says: RegExp; readonly done: () => Promise<void> }[] = [];
  it(title, async () => {
    const text = await readFile(new URL(`../../docs/concepts/${page}`, import.meta.url), 'utf8');
    const told = [...text.matchAll(/^\d+\. (.*)$/gm)].map(([, step]) => step ?? '');
    assert.equal(told.length, steps.length);
    for (const [place, { says, done }] of steps.entries()) {
      assert.match(told[place] ?? '', says);
      await done();
    }
  });
  return (says, done) => void steps.push({ says, done });
}
