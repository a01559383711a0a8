import { describe, expect, it } from 'vitest';
import { failureOf } from '../testing/content.js';
import { SyncMeanwhile } from './sync-meanwhile.js';

/** Syncs that go on until they are let go. */
function heldSyncs() {
  const going: PromiseWithEnd[] = [];
  const sync = () =>
    new Promise<void>((resolve, reject) => {
      going.push({ end: (error) => (error === undefined ? resolve() : reject(error)) });
    });
  return { going, sync };
}

interface PromiseWithEnd {
  readonly end: (error?: Error) => void;
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('syncing while more is written', () => {
  it('begins when enough has come together, one at a time', async () => {
    const { going, sync } = heldSyncs();
    const meanwhile = new SyncMeanwhile(sync, { every: 10 });
    meanwhile.add(9);
    expect(going).toHaveLength(0);
    meanwhile.add(1);
    meanwhile.add(100);
    expect(going).toHaveLength(1);
    going[0]?.end();
    await meanwhile.done();
    meanwhile.add(0);
    expect(going).toHaveLength(2);
    going[1]?.end();
    await meanwhile.done();
  });

  it('leaves threads to others: of many files two are synced at once, and none is forgotten', async () => {
    const { going, sync } = heldSyncs();
    const files = Array.from({ length: 4 }, () => new SyncMeanwhile(sync, { every: 10 }));
    for (const file of files) file.add(10);
    expect(going).toHaveLength(2);
    for (const { end } of going) end();
    await turn();
    for (const file of files) file.add(0);
    expect(going).toHaveLength(4);
    for (const { end } of going) end();
    await Promise.all(files.map((file) => file.done()));
  });

  it('makes whoever asks for it wait for the last one before the next', async () => {
    const { going, sync } = heldSyncs();
    const meanwhile = new SyncMeanwhile(sync, { every: 10 });
    await meanwhile.addInTurn(10);
    await meanwhile.addInTurn(9);
    let came = false;
    const third = meanwhile.addInTurn(1).then(() => (came = true));
    await turn();
    expect([came, going.length]).toEqual([false, 1]);
    going[0]?.end();
    await third;
    expect(going).toHaveLength(2);
    going[1]?.end();
    await meanwhile.done();
  });

  it('does not lose the first failure, whatever later syncs say', async () => {
    const { going, sync } = heldSyncs();
    const meanwhile = new SyncMeanwhile(sync, { every: 10 });
    const failure = new Error('EIO');
    meanwhile.add(10);
    going[0]?.end(failure);
    await meanwhile.settle();
    meanwhile.add(10);
    going[1]?.end();
    await meanwhile.settle();
    expect(() => meanwhile.check()).toThrow(failure);
    expect(await failureOf(meanwhile.done())).toBe(failure);
    expect(await failureOf(meanwhile.addInTurn(10))).toBe(failure);
  });
});
