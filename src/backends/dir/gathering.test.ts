import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { Gathering } from './gathering.js';

describe('a gathering', () => {
  it('lets who is alone go at once', async () => {
    const gathering = new Gathering();
    await gathering.enter().ready();
  });

  it('lets all go together when the last is ready or has left', async () => {
    const gathering = new Gathering();
    const members = Array.from({ length: 5 }, () => gathering.enter());
    const gone: number[] = [];
    const going = members.slice(0, 4).map(async (member, place) => {
      await member.ready();
      gone.push(place);
    });
    await Promise.resolve();
    assert.deepEqual(gone, []);
    members[4]?.leave();
    members[4]?.leave();
    await Promise.all(going);
    assert.deepEqual(gone, [0, 1, 2, 3]);
  });

  it('does not wait for who takes long', async () => {
    const gathering = new Gathering();
    const slow = gathering.enter();
    await gathering.enter().ready();
    slow.leave();
    await gathering.enter().ready();
  });
});
