import { describe, expect, it } from 'vitest';
import { openMemoryStore } from '../backends/memory/store.js';
import { blob } from '../testing/build-image.js';
import { failureOf, laterThan, listOf } from '../testing/content.js';
import { assignNames } from './put-names.js';
import type { ImageChange, ImageStore } from './store.js';

const type = 'application/vnd.oci.image.manifest.v1+json';
const old = blob('old', type).descriptor;
const fresh = blob('fresh', type).descriptor;
const third = blob('third', type).descriptor;

async function imagesWith(records: Record<string, typeof old>) {
  const { images } = openMemoryStore();
  await images.apply(Object.entries(records).map(([name, target]) => ({ op: 'create', name, target })));
  return images;
}

/** A store in which somebody else makes these changes, one each time just before ours. */
function disturbed(images: ImageStore, changes: (readonly ImageChange[])[]) {
  const applied: (readonly ImageChange[])[] = [];
  const store: ImageStore = {
    atomic: true,
    get: (name, options) => images.get(name, options),
    list: (options) => images.list(options),
    apply: async (ours, options) => {
      const theirs = changes.shift();
      if (theirs !== undefined) await images.apply(theirs);
      applied.push(ours);
      return images.apply(ours, options);
    },
  };
  return { store, applied };
}

describe('assignNames', () => {
  it('creates, moves, keeps and skips, in one change', async () => {
    const images = await imagesWith({ moves: old, same: fresh, skips: old });
    const { store, applied } = disturbed(images, []);
    const outcomes = await assignNames(store, [
      { name: 'new', target: fresh, policy: 'error' },
      { name: 'moves', target: fresh, policy: 'move', labels: { a: '1' } },
      { name: 'same', target: fresh, policy: 'error' },
      { name: 'skips', target: fresh, policy: 'skip' },
    ]);
    expect(outcomes).toEqual([
      { name: 'new', target: fresh, outcome: 'created' },
      { name: 'moves', target: fresh, outcome: 'moved', previous: old.digest },
      { name: 'same', target: fresh, outcome: 'unchanged' },
      { name: 'skips', target: fresh, outcome: 'skipped', previous: old.digest },
    ]);
    expect(applied).toHaveLength(1);
    const records = await listOf(images.list());
    expect(records.map(({ name, target }) => [name, target.digest])).toEqual([
      ['moves', fresh.digest],
      ['new', fresh.digest],
      ['same', fresh.digest],
      ['skips', old.digest],
    ]);
    expect(records[0]?.labels).toEqual({ a: '1' });
  });

  it('changes nothing if one name is taken that must not move', async () => {
    const images = await imagesWith({ taken: old });
    const wanted = [
      { name: 'new', target: fresh, policy: 'error' as const },
      { name: 'taken', target: fresh, policy: 'error' as const },
    ];
    expect(await failureOf(assignNames(images, wanted))).toMatchObject({
      code: 'ALREADY_EXISTS',
      detail: { name: 'taken', target: old.digest },
    });
    expect(await images.get('new')).toBeUndefined();
  });

  it('leaves a record alone that says everything already, else completes it', async () => {
    const images = await imagesWith({ same: fresh });
    const before = await images.get('same');
    await laterThan(before?.updatedAt ?? new Date());
    await assignNames(images, [{ name: 'same', target: fresh, policy: 'error' }]);
    expect(await images.get('same')).toEqual(before);
    const target = { ...fresh, annotations: { x: '1' } };
    const [outcome] = await assignNames(images, [
      { name: 'same', target, policy: 'error', labels: { a: '1' } },
    ]);
    expect(outcome?.outcome).toBe('unchanged');
    expect(await images.get('same')).toMatchObject({ target, labels: { a: '1' } });
  });

  it('decides again when somebody else was faster', async () => {
    const images = await imagesWith({ deleted: old, moved: old });
    const { store, applied } = disturbed(images, [
      [{ op: 'create', name: 'created', target: third }],
      [{ op: 'update', name: 'moved', target: third }],
      [{ op: 'delete', name: 'deleted' }],
    ]);
    const outcomes = await assignNames(
      store,
      ['created', 'deleted', 'moved'].map((name) => ({ name, target: fresh, policy: 'move' as const })),
    );
    expect(outcomes.map(({ outcome, previous }) => [outcome, previous])).toEqual([
      ['moved', third.digest],
      ['created', undefined],
      ['moved', third.digest],
    ]);
    expect(applied).toHaveLength(4);
  });

  it('does not move a name that somebody else created meanwhile, if it must not', async () => {
    const images = await imagesWith({});
    const { store } = disturbed(images, [[{ op: 'create', name: 'x', target: third }]]);
    const wanted = [{ name: 'x', target: fresh, policy: 'error' as const }];
    expect(await failureOf(assignNames(store, wanted))).toMatchObject({ code: 'ALREADY_EXISTS' });
    expect((await images.get('x'))?.target.digest).toBe(third.digest);
  });

  it('gives up when others are always faster', async () => {
    const images = await imagesWith({ x: old });
    const changes = Array.from({ length: 100 }, (_, number): ImageChange[] => [
      { op: 'update', name: 'x', target: number % 2 === 0 ? third : old },
    ]);
    const { store } = disturbed(images, changes);
    const wanted = [{ name: 'x', target: fresh, policy: 'move' as const }];
    expect(await failureOf(assignNames(store, wanted))).toMatchObject({ code: 'BUSY' });
  });

  it('takes a name that is wanted twice for one image once, for two images not at all', async () => {
    const images = await imagesWith({});
    const twice = [fresh, fresh].map((target) => ({ name: 'x', target, policy: 'error' as const }));
    expect(await assignNames(images, twice)).toMatchObject([{ outcome: 'created' }, { outcome: 'created' }]);
    const two = [fresh, old].map((target) => ({ name: 'y', target, policy: 'move' as const }));
    expect(await failureOf(assignNames(images, two))).toMatchObject({ code: 'INVALID' });
  });

  it('passes on what makes a record invalid', async () => {
    const images = await imagesWith({});
    const wanted = [{ name: '', target: fresh, policy: 'move' as const }];
    expect(await failureOf(assignNames(images, wanted))).toMatchObject({ code: 'INVALID' });
  });

  it('says that the lease has ended, and not that others were faster', async () => {
    const { images } = openMemoryStore().under({ id: 'ended' });
    const wanted = [{ name: 'x', target: fresh, policy: 'move' as const }];
    const error = await failureOf(assignNames(images, wanted));
    expect(error).toMatchObject({ code: 'NOT_FOUND', detail: { lease: 'ended' } });
  });
});
