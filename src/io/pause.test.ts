import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { pause } from './pause.js';

describe('a pause', () => {
  it('ends when its signal aborts, with the reason of that and nothing else', async () => {
    const reason = new Error('stopped');
    const stop = new AbortController();
    const pausing = pause(2 ** 31 - 1, stop.signal);
    stop.abort(reason);
    await assert.rejects(pausing, (error) => error === reason);
    await assert.rejects(pause(2 ** 31 - 1, stop.signal), (error) => error === reason);
  });

  it('needs no signal', async () => {
    await pause(1, undefined);
  });
});
