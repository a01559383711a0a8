import assert from 'node:assert/strict';
import type { ImageChange } from '../images/store.js';
import type { Descriptor } from '../oci/descriptor.js';
import { bytesOf, failureOf, laterThan, listOf, rejectsWith, targetOf } from './content.js';
import {
  declareSuite,
  type StoreFactory,
  type SuiteOptions,
  type SuiteTests,
  type TestFrame,
} from './frame.js';

/** What every image store must do (spec 5.1 to 5.4, A.7, and the contract in `images/store.ts`). */
export function imageStoreSuite(frame: TestFrame, factory: StoreFactory, options?: SuiteOptions): void {
  declareSuite(frame, 'image store', tests, factory, options);
}

const mediaType = 'application/vnd.oci.image.manifest.v1+json';
const first: Descriptor = { ...targetOf(bytesOf(1, 100)), mediaType };
const second: Descriptor = { ...targetOf(bytesOf(2, 200)), mediaType };
const name = 'docker.io/library/busybox:latest';

const create = (target: Descriptor = first, labels: Record<string, string> = {}): ImageChange => ({
  op: 'create',
  name,
  target,
  labels,
});

const tests: SuiteTests = {
  'creates a record and finds it again': async ({ images }) => {
    const before = Date.now();
    const [created] = await images.apply([create(first, { a: '1', empty: '' })]);
    const after = Date.now();
    assert.ok(created);
    assert.equal(created.name, name);
    assert.deepEqual(created.target, first);
    assert.deepEqual(created.labels, { a: '1' });
    assert.deepEqual(created.createdAt, created.updatedAt);
    assert.ok(before <= created.createdAt.getTime() && created.createdAt.getTime() <= after);
    assert.deepEqual(await images.get(name), created);
    assert.equal(await images.get('another'), undefined);
  },

  'keeps of the target only type, digest, size and annotations': async ({ images }) => {
    const annotations = { 'org.opencontainers.image.ref.name': 'latest', z: 'ü' };
    const target: Descriptor = {
      ...first,
      annotations,
      urls: ['https://example.com'],
      data: 'aGk=',
      platform: { os: 'linux', architecture: 'amd64' },
      artifactType: 'a/b',
    };
    await images.apply([create(target)]);
    assert.deepEqual((await images.get(name))?.target, { ...first, annotations });
  },

  'does not need the target to be held, and keeps sizes past 2^32': async ({ images }) => {
    const target = { ...first, size: 2 ** 40 + 3 };
    await images.apply([create(target)]);
    assert.equal((await images.get(name))?.target.size, 2 ** 40 + 3);
  },

  'takes any name but an empty one': async ({ images }) => {
    for (const odd of [' ', 'a b', 'UPPER', "o'clock", 'x\ny', '../..', '%', '日本:語', 'a'.repeat(5000)]) {
      await images.apply([{ op: 'create', name: odd, target: first }]);
      assert.equal((await images.get(odd))?.name, odd);
    }
    await rejectsWith('INVALID', images.apply([{ op: 'create', name: '', target: first }]));
    await rejectsWith('INVALID', images.apply([{ op: 'update', name: '', target: first }]));
  },

  'does not create a name that is taken': async ({ images }) => {
    await images.apply([create()]);
    const error = await rejectsWith('ALREADY_EXISTS', images.apply([create(second)]));
    assert.equal(error.detail.name, name);
    assert.equal((await images.get(name))?.target.digest, first.digest);
  },

  'replaces everything but the time of creation': async ({ images }) => {
    const [old] = await images.apply([create({ ...first, annotations: { x: '1' } }, { a: '1', b: '1' })]);
    assert.ok(old);
    await laterThan(old.updatedAt);
    const [updated] = await images.apply([
      { op: 'update', name, target: second, labels: { c: '3' }, replaceLabels: true },
    ]);
    assert.ok(updated);
    assert.deepEqual(updated.target, second);
    assert.deepEqual(updated.labels, { c: '3' });
    assert.deepEqual(updated.createdAt, old.createdAt);
    assert.ok(updated.updatedAt > old.updatedAt);
    assert.deepEqual(await images.get(name), updated);
  },

  'changes the labels that are named and no others': async ({ images }) => {
    await images.apply([create(first, { a: '1', b: '1', c: '1', d: '1' })]);
    const [updated] = await images.apply([
      { op: 'update', name, labels: { a: '2', b: null, c: '', e: '5' } },
    ]);
    assert.deepEqual(updated?.labels, { a: '2', d: '1', e: '5' });
    assert.deepEqual(updated?.target, first);
  },

  'replaces all labels where asked to, and all with none': async ({ images }) => {
    await images.apply([create(first, { a: '1', b: '1' })]);
    const [one] = await images.apply([{ op: 'update', name, labels: { b: '2' }, replaceLabels: true }]);
    assert.deepEqual(one?.labels, { b: '2' });
    const [none] = await images.apply([{ op: 'update', name, replaceLabels: true }]);
    assert.deepEqual(none?.labels, {});
  },

  'replaces target and annotations as a unit': async ({ images }) => {
    await images.apply([create({ ...first, annotations: { x: '1', y: '1' } }, { a: '1' })]);
    const target = { ...second, annotations: { y: '2' } };
    const [updated] = await images.apply([{ op: 'update', name, target }]);
    assert.deepEqual(updated?.target, target);
    assert.deepEqual(updated?.labels, { a: '1' });
    const [bare] = await images.apply([{ op: 'update', name, target: second }]);
    assert.deepEqual(bare?.target, second);
  },

  'does not update or delete a name that is not there': async ({ images }) => {
    const update = images.apply([{ op: 'update', name, target: first }]);
    assert.equal((await rejectsWith('NOT_FOUND', update)).detail.name, name);
    await rejectsWith('NOT_FOUND', images.apply([{ op: 'delete', name }]));
  },

  'refuses a target without size or media type, on create and update': async ({ images }) => {
    const wrong: Descriptor[] = [
      { ...first, size: 0 },
      { ...first, size: -1 },
      { ...first, size: 1.5 },
      { ...first, mediaType: '' },
      { ...first, digest: 'sha256:short' as Descriptor['digest'] },
    ];
    for (const target of wrong) {
      const error = await rejectsWith('INVALID', images.apply([create(target)]));
      assert.equal(error.detail.name, name);
    }
    assert.equal(await images.get(name), undefined);
    await images.apply([create()]);
    for (const target of wrong) await rejectsWith('INVALID', images.apply([{ op: 'update', name, target }]));
    assert.deepEqual((await images.get(name))?.target, first);
  },

  'refuses labels that are too long, on create and update': async ({ images }) => {
    const labels = { key: 'v'.repeat(4094) };
    await rejectsWith('INVALID', images.apply([create(first, labels)]));
    await images.apply([create(first, { key: 'v'.repeat(4093) })]);
    await rejectsWith('INVALID', images.apply([{ op: 'update', name, labels }]));
  },

  'deletes a name': async ({ images }) => {
    await images.apply([create()]);
    assert.deepEqual(await images.apply([{ op: 'delete', name }]), []);
    assert.equal(await images.get(name), undefined);
    await images.apply([create(second)]);
    assert.equal((await images.get(name))?.target.digest, second.digest);
  },

  'changes only the target that was expected': async ({ images }) => {
    await images.apply([create()]);
    const ifTarget = first.digest;
    await images.apply([{ op: 'update', name, target: second, ifTarget }]);
    const late = images.apply([{ op: 'update', name, labels: { a: '1' }, ifTarget }]);
    assert.equal((await rejectsWith('CONFLICT', late)).detail.name, name);
    await rejectsWith('CONFLICT', images.apply([{ op: 'delete', name, ifTarget }]));
    const record = await images.get(name);
    assert.equal(record?.target.digest, second.digest);
    assert.deepEqual(record?.labels, {});
    await images.apply([{ op: 'delete', name, ifTarget: second.digest }]);
    assert.equal(await images.get(name), undefined);
  },

  'makes several changes in order and answers a record for each that stays': async ({ images }) => {
    await images.apply([create()]);
    const records = await images.apply([
      { op: 'create', name: 'b', target: second },
      { op: 'delete', name },
      { op: 'create', name: 'a', target: first },
      { op: 'update', name: 'b', labels: { x: '1' } },
    ]);
    assert.deepEqual(
      records.map((record) => record.name),
      ['b', 'a', 'b'],
    );
    assert.deepEqual(records[2]?.labels, { x: '1' });
    assert.deepEqual(
      (await listOf(images.list())).map((record) => record.name),
      ['a', 'b'],
    );
    assert.deepEqual(await images.apply([]), []);
  },

  'makes all changes or none where it says so, else those before the one that failed': async ({ images }) => {
    const changes: ImageChange[] = [
      { op: 'create', name: 'a', target: first },
      { op: 'update', name: 'missing', target: first },
      { op: 'create', name: 'b', target: first },
    ];
    const error = await rejectsWith('NOT_FOUND', images.apply(changes));
    assert.equal(error.detail.name, 'missing');
    const names = (await listOf(images.list())).map((record) => record.name);
    assert.deepEqual(names, images.atomic ? [] : ['a']);
  },

  'gives a name to one of several that create it at once': async ({ images }) => {
    const attempts = Array.from({ length: 8 }, (_, number) =>
      images.apply([create(first, { by: String(number) })]).then(
        () => 'created',
        (error: unknown) => (error as { code: string }).code,
      ),
    );
    const outcomes = (await Promise.all(attempts)).sort();
    assert.deepEqual(outcomes, [...Array<string>(7).fill('ALREADY_EXISTS'), 'created']);
  },

  'lists names in the order of their bytes': async ({ images }) => {
    // UTF-16 would put the first of these two after the second.
    const names = ['\uFF5E', '\u{1F40B}', 'a', 'B', 'a:1', 'a/b', 'Ä', 'a-1', ''].filter((text) => text);
    await images.apply(names.map((each): ImageChange => ({ op: 'create', name: each, target: first })));
    const ordered = [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    assert.deepEqual(
      (await listOf(images.list())).map((record) => record.name),
      ordered,
    );
    const rest = await listOf(images.list({ after: ordered[2] as string }));
    assert.deepEqual(
      rest.map((record) => record.name),
      ordered.slice(3),
    );
  },

  'lists more names than fit on a page': async ({ images }) => {
    const names = Array.from({ length: 2500 }, (_, number) => `image-${String(number).padStart(5, '0')}`);
    await images.apply(names.map((each): ImageChange => ({ op: 'create', name: each, target: first })));
    assert.deepEqual(
      (await listOf(images.list())).map((record) => record.name),
      names,
    );
  },

  'can be changed while it is listed': async ({ images }) => {
    await images.apply(
      ['a', 'b', 'c'].map((each): ImageChange => ({ op: 'create', name: each, target: first })),
    );
    const seen: string[] = [];
    for await (const record of images.list()) {
      seen.push(record.name);
      await images.apply([{ op: 'delete', name: record.name }]);
    }
    assert.deepEqual(seen, ['a', 'b', 'c']);
  },

  'rejects with the reason when it is aborted already': async ({ images }) => {
    await images.apply([create()]);
    const reason = new Error('stop');
    const signal = AbortSignal.abort(reason);
    assert.equal(await failureOf(images.get(name, { signal })), reason);
    assert.equal(await failureOf(images.apply([{ op: 'delete', name }], { signal })), reason);
    assert.equal(await failureOf(listOf(images.list({ signal }))), reason);
    assert.ok(await images.get(name));
  },

  'keeps namespaces apart': async (store) => {
    const elsewhere = store.namespace('elsewhere').images;
    await store.images.apply([create()]);
    assert.equal(await elsewhere.get(name), undefined);
    assert.deepEqual(await listOf(elsewhere.list()), []);
    await elsewhere.apply([create(second)]);
    assert.equal((await store.images.get(name))?.target.digest, first.digest);
    await elsewhere.apply([{ op: 'delete', name }]);
    assert.ok(await store.images.get(name));
  },

  'refuses a namespace whose name breaks the grammar': async (store) => {
    for (const wrong of ['', 'a b', '../x', '-a', 'a'.repeat(77)]) {
      assert.throws(() => store.namespace(wrong), { code: 'INVALID' });
    }
  },
};
