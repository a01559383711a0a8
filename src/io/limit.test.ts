import { describe, expect, it } from 'vitest';
import { failureOf } from '../testing/content.js';
import { readAll } from './limit.js';

const chunk = Buffer.from('12345');

describe('readAll', () => {
  it('gives everything up to the limit', async () => {
    expect(Buffer.from(await readAll([chunk, chunk], { limit: 10, what: 'x' })).toString()).toBe(
      '1234512345',
    );
    expect(await readAll([], { limit: 0, what: 'x' })).toHaveLength(0);
  });

  it('stops at the first byte beyond it', async () => {
    let taken = 0;
    function* endless() {
      for (;;) {
        taken++;
        yield chunk;
      }
    }
    expect(await failureOf(readAll(endless(), { limit: 9, what: 'index.json of "x.tar"' }))).toMatchObject({
      code: 'LIMIT_EXCEEDED',
      message: 'Cannot read index.json of "x.tar": it has more than 9 bytes, at most 9 are accepted',
    });
    expect(taken).toBe(2);
  });
});
