import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { openStore } from '../../src/backends/dir/index.js';
import { openMemoryStore } from '../../src/backends/memory/index.js';
import type { Ingest } from '../../src/content/ingests.js';
import { readBlob } from '../../src/content/read.js';
import { isStowageError, type ErrorCode } from '../../src/errors.js';
import type { ImageChange, Store } from '../../src/images/store.js';
import { digestOf } from '../../src/io/hash.js';
import { scratchFolder } from '../faults/scratch.js';
import { emptyModel, garbage, REFERENCE, ROOT, type Model } from './model.js';

/** Random sequences of operations, on every backend and on a model that is written down in another way. */

/** For how long, in seconds. A failure prints the seed and the shortest sequence. */
const SECONDS = Number(process.env['MODEL_SECONDS'] ?? 8);
const SEED = Number(process.env['MODEL_SEED'] ?? Date.now() % 1_000_000_000);

const CONTENTS = ['', 'one', 'two', 'three'].map((text) => Buffer.from(text));
const DIGESTS = CONTENTS.map((bytes) => digestOf(bytes));
const targetOf = (number: number) => ({ digest: DIGESTS[number]!, size: CONTENTS[number]!.length });
/** A record refuses a target without size, so that the empty content is named by nobody. */
const imageOf = (number: number) => ({ mediaType: 'application/octet-stream', ...targetOf(number) });

const namespace = fc.constantFrom('default' as const, 'other' as const);
const content = fc.nat(CONTENTS.length - 1);
const named = fc.integer({ min: 1, max: CONTENTS.length - 1 });
const name = fc.constantFrom('x', 'y');
const lease = fc.constantFrom('l', 'm');
const under = fc.option(lease, { nil: undefined });
const ref = fc.constantFrom('r', 's');
const label = fc.oneof(
  fc.record({ key: fc.constantFrom(ROOT, 'a'), value: fc.constantFrom('v', 'w', null) }),
  fc.record({
    key: fc.constant(REFERENCE),
    value: fc.oneof(
      content.map((n) => DIGESTS[n]!),
      fc.constant(null),
    ),
  }),
);

const operation = fc.oneof(
  fc.record({ op: fc.constant('put' as const), namespace, content, under }),
  fc.record({ op: fc.constant('claim' as const), namespace, contents: fc.uniqueArray(content), under }),
  fc.record({ op: fc.constant('read' as const), namespace, content }),
  fc.record({ op: fc.constant('setLabels' as const), namespace, content, label }),
  fc.record({ op: fc.constant('delete' as const), namespace, content }),
  fc.record({
    op: fc.constant('apply' as const),
    namespace,
    changes: fc.array(
      fc.record({
        op: fc.constantFrom('create' as const, 'update' as const, 'delete' as const),
        name,
        content: named,
        ifTarget: fc.option(named, { nil: undefined }),
      }),
      { minLength: 1, maxLength: 3 },
    ),
  }),
  fc.record({ op: fc.constant('createLease' as const), namespace, lease }),
  fc.record({ op: fc.constant('expireLease' as const), namespace, lease }),
  fc.record({ op: fc.constant('deleteLease' as const), namespace, lease }),
  fc.record({ op: fc.constant('collect' as const), dryRun: fc.boolean() }),
  fc.record({ op: fc.constant('openIngest' as const), namespace, ref }),
  fc.record({ op: fc.constant('write' as const), namespace, ref, text: fc.constantFrom('one', 't', 'wo') }),
  fc.record({ op: fc.constant('closeIngest' as const), namespace, ref }),
  fc.record({
    op: fc.constant('commit' as const),
    namespace,
    ref,
    expect: fc.option(content, { nil: undefined }),
  }),
  fc.record({ op: fc.constant('abort' as const), namespace, ref }),
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

/** A store, what it should be, and the ingests that are open in it. */
interface World {
  readonly store: Store;
  readonly model: Model;
  readonly open: Map<string, Ingest>;
}

async function refuses(code: ErrorCode, call: Promise<unknown>): Promise<void> {
  await assert.rejects(
    call,
    (error) => isStowageError(error, code) || assert.fail(`not ${code}: ${String(error)}`),
  );
}

async function perform({ store, model, open }: World, step: Operation): Promise<void> {
  if (step.op === 'collect') return collect(store, model, step.dryRun);
  const view = store.namespace(step.namespace);
  const state = model[step.namespace];
  const leased = 'under' in step && step.under !== undefined ? step.under : undefined;
  const writer = leased === undefined ? view : view.under({ id: leased });
  const ended = leased !== undefined && !state.leases.has(leased);
  const keep = (number: number) => leased !== undefined && state.leases.get(leased)?.add(number);
  switch (step.op) {
    case 'put': {
      const put = writer.content.put(targetOf(step.content), () => CONTENTS[step.content]!);
      if (ended) return refuses('NOT_FOUND', put);
      const held = Object.values(model).some((other) => other.content.has(step.content));
      const { existed } = await put;
      if (state.content.has(step.content)) assert.equal(existed, true);
      if (!held) assert.equal(existed, false);
      if (!state.content.has(step.content)) state.content.set(step.content, new Map());
      keep(step.content);
      return;
    }
    case 'claim': {
      const claim = writer.content.claim(step.contents.map(targetOf));
      if (ended && step.contents.length > 0) return refuses('NOT_FOUND', claim);
      if (ended) return void (await claim.catch(() => {}));
      const held = step.contents.filter((number) => state.content.has(number));
      assert.deepEqual([...(await claim)].sort(), held.map((number) => DIGESTS[number]).sort());
      held.forEach(keep);
      return;
    }
    case 'read': {
      const read = readBlob(view.content, imageOf(step.content), { limit: 100 });
      if (!state.content.has(step.content)) return refuses('NOT_FOUND', read);
      assert.deepEqual(Buffer.from(await read), CONTENTS[step.content]);
      return;
    }
    case 'setLabels': {
      const { key, value } = step.label;
      const set = view.content.setLabels(DIGESTS[step.content]!, { [key]: value });
      const labels = state.content.get(step.content);
      if (labels === undefined) return refuses('NOT_FOUND', set);
      if (value === null) labels.delete(key);
      else labels.set(key, value);
      assert.deepEqual((await set).labels, Object.fromEntries(labels));
      return;
    }
    case 'delete':
      assert.equal(await view.content.delete(DIGESTS[step.content]!), state.content.delete(step.content));
      // What a lease kept of it is forgotten as well.
      for (const kept of state.leases.values()) kept.delete(step.content);
      return;
    case 'apply':
      return apply(view, state.images, step.changes);
    case 'createLease': {
      const create = view.leases.create({ id: step.lease });
      if (state.leases.has(step.lease)) return refuses('ALREADY_EXISTS', create);
      await create;
      state.leases.set(step.lease, new Set());
      return;
    }
    case 'expireLease': {
      if (state.leases.has(step.lease)) return;
      await view.leases.create({ id: step.lease, ttl: 1 });
      await sleep(4);
      return;
    }
    case 'deleteLease':
      assert.equal(await view.leases.delete(step.lease), state.leases.delete(step.lease));
      return;
    case 'openIngest': {
      const opening = view.content.openIngest(step.ref);
      const key = `${step.namespace} ${step.ref}`;
      if (open.has(key)) return refuses('BUSY', opening);
      const ingest = await opening;
      open.set(key, ingest);
      const bytes = Buffer.from(state.ingests.get(step.ref) ?? '');
      state.ingests.set(step.ref, bytes.toString());
      assert.equal(ingest.status.offset, bytes.length);
      assert.equal(ingest.status.digest, digestOf(bytes));
      return;
    }
    case 'abort':
      open.delete(`${step.namespace} ${step.ref}`);
      assert.equal(await view.content.abortIngest(step.ref), state.ingests.delete(step.ref));
      return;
    case 'write':
    case 'closeIngest':
    case 'commit': {
      const key = `${step.namespace} ${step.ref}`;
      const ingest = open.get(key);
      const bytes = state.ingests.get(step.ref);
      if (ingest === undefined || bytes === undefined) return;
      if (step.op === 'write') {
        await ingest.write(Buffer.from(step.text));
        state.ingests.set(step.ref, bytes + step.text);
        return;
      }
      open.delete(key);
      if (step.op === 'closeIngest') return ingest.close();
      const number = CONTENTS.findIndex((one) => one.toString() === bytes);
      if (step.expect !== undefined && step.expect !== number) {
        return refuses('MISMATCH', ingest.commit({ expect: DIGESTS[step.expect]! }));
      }
      // Only what has a number can be followed.
      if (number === -1) return ingest.close();
      const { digest, existed } = await ingest.commit();
      assert.equal(digest, DIGESTS[number]);
      if (state.content.has(number)) assert.equal(existed, true);
      else state.content.set(number, new Map());
      state.ingests.delete(step.ref);
      return;
    }
  }
}

type Changes = Extract<Operation, { op: 'apply' }>['changes'];

async function apply(view: Store, images: Map<string, number>, changes: Changes): Promise<void> {
  const after = new Map(images);
  let refused: ErrorCode | undefined;
  for (const { op, name, content: number, ifTarget } of changes) {
    const current = after.get(name);
    if (op === 'create' && current !== undefined) refused ??= 'ALREADY_EXISTS';
    if (op !== 'create' && current === undefined) refused ??= 'NOT_FOUND';
    if (op !== 'create' && current !== undefined && ifTarget !== undefined && ifTarget !== current)
      refused ??= 'CONFLICT';
    if (refused !== undefined) break;
    if (op === 'delete') after.delete(name);
    else after.set(name, number);
  }
  const asked = changes.map(({ op, name, content: number, ifTarget }): ImageChange => {
    const condition = ifTarget === undefined ? {} : { ifTarget: DIGESTS[ifTarget]! };
    if (op === 'create') return { op, name, target: imageOf(number) };
    return op === 'delete' ? { op, name, ...condition } : { op, name, target: imageOf(number), ...condition };
  });
  if (refused !== undefined) return refuses(refused, view.images.apply(asked));
  await view.images.apply(asked);
  images.clear();
  for (const [name, number] of after) images.set(name, number);
}

async function collect(store: Store, model: Model, dryRun: boolean): Promise<void> {
  const going = Object.values(model).map((state) => ({ state, numbers: garbage(state, DIGESTS) }));
  const { removed } = await store.collector.collect({ dryRun });
  assert.equal(
    removed.content,
    going.reduce((sum, { numbers }) => sum + numbers.length, 0),
  );
  const left = (number: number) =>
    going.some(({ state, numbers }) => state.content.has(number) && !numbers.includes(number));
  const bytes = new Set(going.flatMap(({ numbers }) => numbers).filter((number) => !left(number)));
  assert.equal(removed.blob, bytes.size);
  if (dryRun) return;
  for (const { state, numbers } of going) numbers.forEach((number) => state.content.delete(number));
}

/** Everything that can be listed is as the model has it. */
async function compare({ store, model }: World): Promise<void> {
  for (const [title, state] of Object.entries(model)) {
    const view = store.namespace(title);
    const contents: unknown[] = [];
    for await (const { digest, labels } of view.content.list()) contents.push([digest, labels]);
    const expected = [...state.content]
      .sort(([a], [b]) => ((DIGESTS[a] ?? '') < (DIGESTS[b] ?? '') ? -1 : 1))
      .map(([number, labels]) => [DIGESTS[number], Object.fromEntries(labels)]);
    assert.deepEqual(contents, expected);
    const images: unknown[] = [];
    for await (const image of view.images.list()) images.push([image.name, image.target.digest]);
    assert.deepEqual(
      images,
      [...state.images].sort().map(([key, number]) => [key, DIGESTS[number]]),
    );
    const leases: string[] = [];
    for await (const { id } of view.leases.list()) leases.push(id);
    assert.deepEqual(leases, [...state.leases.keys()].sort());
    const ingests: unknown[] = [];
    for await (const { ref: key, offset } of view.content.ingests()) ingests.push([key, offset]);
    assert.deepEqual(
      ingests,
      [...state.ingests].sort().map(([key, text]) => [key, text.length]),
    );
  }
}

async function play(store: Store, steps: readonly Operation[]): Promise<void> {
  const world: World = { store, model: emptyModel(), open: new Map() };
  try {
    for (const step of steps) {
      await perform(world, step);
      await compare(world);
    }
  } finally {
    for (const ingest of world.open.values()) await ingest.close();
    await store.close();
  }
}

const BACKENDS = {
  memory: async (steps: readonly Operation[]) => play(openMemoryStore(), steps),
  dir: async (steps: readonly Operation[]) => {
    const root = await scratchFolder();
    try {
      await play(await openStore({ root }), steps);
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  },
};

describe('any sequence of operations', () => {
  it.each(Object.entries(BACKENDS))(
    'leaves the %s backend as the model says',
    async (_, run) => {
      let runs = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(operation, { maxLength: 60, size: 'max' }), async (steps) => {
          runs++;
          await run(steps);
        }),
        { seed: SEED, numRuns: 1_000_000, interruptAfterTimeLimit: SECONDS * 500 },
      );
      console.log(`model: ${runs} sequences, MODEL_SEED=${SEED}`);
    },
    (SECONDS + 60) * 1000,
  );
});
