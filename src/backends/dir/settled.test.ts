import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { settled } from './settled.js';

describe('what several wait for', () => {
  it('is listened to also by those who have aborted already, so that its failure is nobody’s surprise', async () => {
    let fail = (_: Error) => {};
    const shared = new Promise<never>((_, reject) => (fail = reject));
    const reason = new Error('stopped');
    await assert.rejects(settled(shared, AbortSignal.abort(reason)), (error) => error === reason);
    // A rejection without a listener ends the process, and fails this test.
    fail(new Error('later'));
    await new Promise(setImmediate);
  });
});
