import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { trace, traceProblem, type Operation } from './trace.js';
import { ONE, workloadIn, type Workload } from './workload.js';

/** In which order real commands make things durable, as the kernel is asked for it. */

const problem = await traceProblem();
if (problem !== undefined && process.env['STOWAGE_REQUIRE_TOOLS'] === '1') throw new Error(problem);

let folder: string;
let workload: Workload;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-order-'));
  workload = await workloadIn(folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** An operation with the path of its file, as it was when the file was opened. */
type Named = Operation & { readonly file: string };

async function operationsOf(args: readonly string[]): Promise<Named[]> {
  const { operations, status, stderr } = await trace(process.execPath, args, { cwd: folder });
  assert.equal(status, 0, stderr);
  const open = new Map([[1, 'stdout']]);
  return operations.map((operation) => {
    if (operation.kind === 'open') open.set(operation.fd, operation.path);
    return { ...operation, file: 'fd' in operation ? (open.get(operation.fd) ?? '') : '' };
  });
}

/** The first operation of a kind on a file that begins after another one has ended. */
function following(
  operations: readonly Named[],
  before: Operation,
  kind: Operation['kind'],
  file: string,
): Named {
  const found = operations.find(
    (operation) => operation.kind === kind && operation.file === file && operation.start > before.end,
  );
  assert.ok(found, `no ${kind} of ${file} follows`);
  return found;
}

function renamesInto(operations: readonly Named[], target: string) {
  const renames = operations.flatMap((operation) =>
    operation.kind === 'rename' && operation.to.startsWith(target) ? [operation] : [],
  );
  assert.notEqual(renames.length, 0, `nothing was renamed to ${target}`);
  return renames;
}

/** What is written into a file is synced before the file gets its name. */
function assertSynced(operations: readonly Named[], rename: Operation & { readonly from: string }): void {
  const writes = operations.filter(
    ({ kind, file, end }) => kind === 'write' && file === rename.from && end < rename.start,
  );
  const last = writes.at(-1);
  assert.ok(last, `${rename.from} was renamed and never written`);
  const sync = following(operations, last, 'sync', rename.from);
  assert.ok(sync.end < rename.start, `${rename.from} was renamed before it was synced`);
}

/** Of the part of `operations` up to the first line that tells of success. */
function untilReported(operations: readonly Named[]): readonly Named[] {
  const report = operations.find(({ kind, file }) => kind === 'write' && file === 'stdout');
  assert.ok(report, 'success was not told');
  return operations.filter(({ end }) => end < report.start);
}

describe.skipIf(problem !== undefined)('before a command tells of its success', () => {
  it('an import has synced bytes, then renamed them, then synced names, then the database', async () => {
    const { args } = workload.steps[0]!;
    const { root } = workload;
    const operations = untilReported(await operationsOf(args));
    const log = join(root, 'metadata.db-wal');

    const blobs = renamesInto(operations, join(root, 'blobs', 'sha256'));
    // Two manifests, two configs, a layer that both have and one each.
    assert.equal(blobs.length, 7);
    for (const rename of blobs) {
      assertSynced(operations, rename);
      const names = following(operations, rename, 'sync', dirname(rename.to));
      following(operations, names, 'sync', log);
    }

    const indexes = renamesInto(operations, join(root, 'index.json'));
    for (const rename of indexes) {
      assertSynced(operations, rename);
      const names = following(operations, rename, 'sync', root);
      following(operations, names, 'sync', log);
    }
    // The names come when everything they stand for is there.
    const lastBlob = Math.max(...blobs.map(({ end }) => end));
    assert.ok((indexes.at(-1)?.start ?? 0) > lastBlob);
  });

  it('an export to a file has synced the archive, then given it its name, then synced that', async () => {
    const file = join(workload.disk, 'out.tar');
    const [command = '', ...rootFlags] = workload.steps[0]?.args.slice(0, 3) ?? [];
    const operations = untilReported(
      await operationsOf([command, ...rootFlags, '--json', 'images', 'export', file, ONE]),
    );
    const [rename, ...others] = renamesInto(operations, file);
    assert.ok(rename);
    assert.deepEqual(others, []);
    assertSynced(operations, rename);
    following(operations, rename, 'sync', dirname(file));
  });
});
