import assert from 'node:assert/strict';
import {
  appendFile,
  copyFile,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { spawnSync } from 'node:child_process';
import { platform, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'vitest';
import type { Store } from '../../images/store.js';
import { bytesOf, collect, failureOf, listOf, rejectsWith, targetOf } from '../../testing/content.js';
import { loadLibrary } from './database/library.js';
import type { Files } from './files.js';
import { nodeFiles } from './node-files.js';
import { openStore } from './open-store.js';

const small = bytesOf(1, 100);
const target = targetOf(small);

let folder: string;
let root: string;
let opened: Store[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-open-'));
  root = join(folder, 'root');
  opened = [];
});
afterEach(async () => {
  for (const store of opened) await store.close();
  await rm(folder, { recursive: true });
});

async function open(
  options: Partial<Parameters<typeof openStore>[0]> = {},
  files?: Partial<Files>,
): Promise<Store> {
  const store = await openStore({ root, ...options }, files && { files: { ...nodeFiles, ...files } });
  opened.push(store);
  return store;
}

/** Bytes in the log of the database; none if there is no log. */
const logSize = async () => (await stat(join(root, 'metadata.db-wal')).catch(() => ({ size: 0 }))).size;

async function filled(): Promise<Store> {
  const store = await open();
  await store.content.put(target, () => small);
  await store.images.apply([{ op: 'create', name: 'a', target }]);
  return store;
}

async function canOnlyBeRead(store: Store): Promise<void> {
  assert.deepEqual(
    (await listOf(store.images.list())).map(({ name }) => name),
    ['a'],
  );
  assert.ok((await collect(store.content.read(target))).equals(small));
  assert.equal((await store.content.claim([target])).size, 1);
  const attempts = [
    store.images.apply([{ op: 'delete', name: 'a' }]),
    store.content.put(undefined, () => small),
    store.content.delete(target.digest),
    store.content.setLabels(target.digest, { a: '1' }),
    store.leases.create(),
  ];
  for (const attempt of attempts) {
    const error = await rejectsWith('DENIED', attempt);
    assert.match(error.message, /is open for reading only/);
    assert.match(error.hint ?? '', /fsck/);
  }
}

describe('opening a store', () => {
  it('creates what is missing, folders above included', async () => {
    root = join(folder, 'a', 'b', 'c');
    await open();
    assert.deepEqual((await readdir(root)).filter((name) => !name.startsWith('metadata.db-')).sort(), [
      'blobs',
      'holders',
      'index.json',
      'ingest',
      'metadata.db',
      'oci-layout',
      'reserve',
    ]);
  });

  it('creates nothing where it is told not to, and opens for writing what is there', async () => {
    await rejectsWith('NOT_FOUND', open({ root: join(folder, 'none'), create: false }));
    assert.deepEqual(await readdir(folder), []);
    await (await filled()).close();
    const store = await open({ create: false });
    await store.leases.create({ id: 'x', lasting: true });
    assert.deepEqual(
      (await listOf(store.leases.list())).map(({ id }) => id),
      ['x'],
    );
  });

  it('twice in a process shares one connection, which the last one closes', async () => {
    const first = await filled();
    const second = await open({ root: join(folder, '.', 'root') });
    await first.close();
    await first.close();
    assert.equal((await listOf(second.images.list())).length, 1);
    await second.close();
    await rejectsWith('INVALID', second.images.get('a'));
    assert.equal(await logSize(), 0);
  });

  it('ends the leases of a store that is closed, and no others', async () => {
    const first = await open();
    const second = await open();
    await first.leases.create({ id: 'one' });
    await second.leases.create({ id: 'two' });
    await first.close();
    assert.deepEqual(
      (await listOf(second.leases.list())).map(({ id }) => id),
      ['two'],
    );
  });

  it('refuses a folder that is something else', async () => {
    await mkdir(root);
    await writeFile(join(root, 'thesis.txt'), '');
    const error = await rejectsWith('INVALID', open());
    assert.match(error.message, /it holds "thesis\.txt" and is no store/);
    assert.deepEqual(await readdir(root), ['thesis.txt']);
    await rejectsWith('INVALID', open({ root: join(root, 'thesis.txt') }));
  });

  it('refuses an image layout of another program, whose index it would overwrite', async () => {
    await mkdir(join(root, 'blobs'), { recursive: true });
    await writeFile(join(root, 'index.json'), '{"schemaVersion":2,"manifests":[]}');
    await rejectsWith('INVALID', open());
    assert.deepEqual((await readdir(root)).sort(), ['blobs', 'index.json']);
  });

  it('refuses a store whose database is gone or emptied, and leaves its index as it is', async () => {
    await (await filled()).close();
    const index = await readFile(join(root, 'index.json'), 'utf8');
    await truncate(join(root, 'metadata.db'), 0);
    assert.match((await rejectsWith('CORRUPT', open())).message, /metadata\.db" is empty/);
    await rm(join(root, 'metadata.db'));
    assert.match((await rejectsWith('CORRUPT', open())).message, /metadata\.db" is gone/);
    assert.equal(await readFile(join(root, 'index.json'), 'utf8'), index);
  });

  it('says of a damaged database that it is damaged', async () => {
    await (await filled()).close();
    const database = join(root, 'metadata.db');
    const whole = await readFile(database);
    for (const place of [0, 16, 30, 40, 100]) {
      const bytes = Buffer.from(whole);
      bytes.fill(0xa5, place, place + 400);
      await writeFile(database, bytes);
      await rejectsWith('CORRUPT', open());
    }
  });

  it('opens the database anew only when the one before is closed', async () => {
    const events: string[] = [];
    let [begin, go] = [() => {}, () => {}];
    const begun = new Promise<void>((resolve) => (begin = resolve));
    const unlinking = new Promise<void>((resolve) => (go = resolve));
    const slow = await open(
      {},
      {
        async unlink(path) {
          begin();
          await unlinking;
          events.push('closed');
          return nodeFiles.unlink(path);
        },
      },
    );
    await slow.leases.create();
    const closing = slow.close();
    // Until then its leases are still being released, and it may be shared.
    await begun;
    const opening = open().then(() => events.push('opened'));
    await new Promise((resolve) => setTimeout(resolve, 50));
    go();
    await Promise.all([closing, opening]);
    assert.deepEqual(events, ['closed', 'opened']);
  });

  it('that cannot remove its sign of life is closed all the same, and leaves it to the next one', async () => {
    const failure = Object.assign(new Error('EIO'), { code: 'EIO' });
    const store = await openStore(
      { root },
      { files: { ...nodeFiles, unlink: () => Promise.reject(failure) } },
    );
    await store.leases.create();
    await store.close();
    await rejectsWith('INVALID', store.images.get('a'));
    assert.equal(await logSize(), 0);
  });

  it('ends with its own close, whoever else has the same root open', async () => {
    const first = await filled();
    await open();
    await first.close();
    await rejectsWith('INVALID', first.images.get('a'));
    await rejectsWith('INVALID', first.namespace('other').leases.create());
    await rejectsWith(
      'INVALID',
      first.content.put(target, () => small),
    );
    await rejectsWith('INVALID', collect(first.content.read(target)));
  });

  it('has another revision after every change, by whom ever, and no other one for looking', async () => {
    const store = await open();
    const revisions = [await store.revision?.()];
    const changed = async () => {
      assert.equal(await store.revision?.(), await store.revision?.());
      revisions.push(await store.revision?.());
    };
    await store.content.put(undefined, () => small);
    await changed();
    await store.content.delete(target.digest);
    await changed();
    const stranger = (await loadLibrary()).open(join(root, 'metadata.db'));
    try {
      await store.content.claim([target]);
      assert.equal(await store.revision?.(), revisions.at(-1));
      stranger.exec(`INSERT INTO namespaces (name, created) VALUES ('theirs', 0)`);
      await changed();
    } finally {
      stranger.close();
    }
    assert.equal(new Set(revisions).size, 4);
  });

  it('that is closed while content comes in stores nothing more, and says so', async () => {
    const store = await open();
    let go = () => {};
    const more = new Promise<void>((resolve) => (go = resolve));
    const source = async function* () {
      yield bytesOf(1, 3_000_000);
      await more;
      yield bytesOf(2, 3_000_000);
    };
    const put = failureOf(store.content.put(undefined, source));
    await new Promise((resolve) => setTimeout(resolve, 50));
    const closing = store.close();
    go();
    await closing;
    assert.match(String(await put), /the store is closed/);
    assert.deepEqual(await readdir(join(root, 'ingest')), []);
    assert.deepEqual(await readdir(join(root, 'blobs', 'sha256')), []);
  });

  it('refuses a network file system, unless it is allowed', async () => {
    const nfs = { fileSystemType: async () => 0x6969 };
    const error = await rejectsWith('UNSUPPORTED', open({}, nfs));
    assert.match(error.message, /network file system \(NFS\)/);
    await open({ allowNetworkFileSystem: true }, nfs);
  });

  it('refuses a namespace that is none, and an aborted signal, before it touches anything', async () => {
    await rejectsWith('INVALID', open({ namespace: 'a/b' }));
    const reason = new Error('stop');
    assert.equal(await failureOf(open({ signal: AbortSignal.abort(reason) })), reason);
    assert.deepEqual(await readdir(folder), []);
  });

  it('for reading finds no store where there is none, and makes none', async () => {
    await rejectsWith('NOT_FOUND', open({ readOnly: true }));
    assert.deepEqual(await readdir(folder), []);
  });

  it('for reading refuses every change, also beside a writer in the same process', async () => {
    const writer = await filled();
    await canOnlyBeRead(await open({ readOnly: true }));
    await writer.close();
    await canOnlyBeRead(await open({ readOnly: true }));
  });
});

describe('a root that cannot be written', () => {
  const unwritable = { isWritable: async () => false };

  it('is opened for reading without being asked', async () => {
    await (await filled()).close();
    await canOnlyBeRead(await open({}, unwritable));
    assert.equal(await logSize(), 0);
  });

  it('shows what is only in the log, and leaves no copy of it behind', async () => {
    const writer = await filled();
    // As a process that was killed leaves it: with a log that nobody has put into the database.
    const copy = join(folder, 'copy');
    await mkdir(join(copy, 'blobs', 'sha256'), { recursive: true });
    for (const name of ['metadata.db', 'metadata.db-wal', 'index.json', 'oci-layout']) {
      await copyFile(join(root, name), join(copy, name));
    }
    const blob = join('blobs', 'sha256', target.digest.slice(7));
    await copyFile(join(root, blob), join(copy, blob));
    await writer.close();
    const temporary: string[] = [];
    const files = {
      ...unwritable,
      async makeTemporaryFolder() {
        temporary.push(await mkdtemp(join(folder, 'temporary-')));
        return temporary[0] as string;
      },
    };
    const store = await open({ root: copy }, files);
    await canOnlyBeRead(store);
    assert.equal(temporary.length, 1);
    await store.close();
    await assert.rejects(readdir(temporary[0] as string), { code: 'ENOENT' });
    assert.deepEqual((await readdir(copy)).filter((name) => name.startsWith('metadata.db')).sort(), [
      'metadata.db',
      'metadata.db-wal',
    ]);
  });

  it('in part is opened for reading too, so that the error names no file of the database', async () => {
    await (await filled()).close();
    for (const part of ['holders', 'ingest', join('blobs', 'sha256'), 'metadata.db']) {
      const isWritable = async (path: string) => path !== join(root, part);
      const store = await open({}, { isWritable });
      await canOnlyBeRead(store);
      await store.close();
    }
  });

  it('is not mixed up with a log that has gone meanwhile', async () => {
    await (await filled()).close();
    await writeFile(join(root, 'metadata.db-wal'), 'a log that is about to be put into the database');
    const temporary = join(folder, 'copy-of-both');
    let copies = 0;
    await open(
      {},
      {
        ...unwritable,
        async makeTemporaryFolder() {
          await mkdir(temporary);
          return temporary;
        },
        async copy(from, to) {
          if (from.endsWith('-wal') && copies++ === 0) {
            await copyFile(from, to);
            await rm(from);
            return;
          }
          await copyFile(from, to);
        },
      },
    );
    assert.equal(copies, 1);
    assert.equal((await stat(join(temporary, 'metadata.db-wal'))).size, 0);
  });

  it('cannot become a store', async () => {
    await mkdir(root);
    await rejectsWith('DENIED', open({}, unwritable));
  });
});

describe('a full disk', () => {
  it('is said to be full, and what is on it can be read', async (context) => {
    await (await filled()).close();
    const disk = join(folder, 'disk');
    await mkdir(disk);
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]).status === 0;
    if (!mounted) context.skip('mounting a small file system needs rights');
    try {
      await cp(root, join(disk, 'root'), {
        recursive: true,
        filter: (path) => !/metadata\.db-/.test(path),
      });
      root = join(disk, 'root');
      const page = new Uint8Array(4096);
      const full = await (async () => {
        for (;;) await appendFile(join(disk, 'filling'), page);
      })().catch((error: unknown) => error);
      assert.equal((full as NodeJS.ErrnoException).code, 'ENOSPC');
      await rejectsWith('NO_SPACE', open());
      await canOnlyBeRead(await open({ readOnly: true }));
      await rm(join(disk, 'filling'));
      await (await open()).content.put(undefined, () => bytesOf(3, 1000));
    } finally {
      for (const store of opened) await store.close();
      spawnSync('umount', ['-l', disk]);
    }
  });
});

describe('a folder in which none can be made', () => {
  it('is refused at once where the file system says that nothing is there', async (context) => {
    if (platform() !== 'linux') context.skip('only Linux has such a file system everywhere');
    await rejectsWith('NOT_FOUND', openStore({ root: '/proc/nothing/here', allowNetworkFileSystem: true }));
  });

  it('is made with every folder above it', async () => {
    root = join(folder, 'a', 'b', 'c');
    await filled();
    assert.ok((await readdir(root)).includes('index.json'));
  });
});
