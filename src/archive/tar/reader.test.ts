import { PassThrough, Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { isStowageError } from '../../errors.js';
import { END_OF_ARCHIVE, encodeHeader, paddingFor, readTar } from './index.js';
import type { ArchiveEnd, TarReadOptions, TarSource, TarStreamEntry } from './index.js';

function member(name: string, content: string): Uint8Array {
  const bytes = Buffer.from(content);
  const padding = new Uint8Array(paddingFor(bytes.length));
  return Buffer.concat([encodeHeader({ name, mode: 0o644, size: bytes.length }), bytes, padding]);
}

const archive = Buffer.concat([
  member('a', 'one'),
  member('b', ''),
  member('c'.repeat(300), 'three'.repeat(500)),
  END_OF_ARCHIVE,
]);

async function textOf(entry: TarStreamEntry): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of entry.body) parts.push(part);
  return Buffer.concat(parts).toString();
}

async function read(source: TarSource, options?: TarReadOptions): Promise<[string, string][]> {
  const found: [string, string][] = [];
  for await (const entry of readTar(source, options)) found.push([entry.name, await textOf(entry)]);
  return found;
}

async function failure(source: TarSource, options?: TarReadOptions): Promise<unknown> {
  return read(source, options).then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe('readTar', () => {
  it('yields the entries in order with their content, from bytes, chunks and streams', async () => {
    const wanted = [
      ['a', 'one'],
      ['b', ''],
      ['c'.repeat(300), 'three'.repeat(500)],
    ];
    expect(await read(archive)).toEqual(wanted);
    expect(await read([archive.subarray(0, 100), new Uint8Array(0), archive.subarray(100)])).toEqual(wanted);
    expect(await read(Readable.from([archive]))).toEqual(wanted);
    expect(await read(new Blob([archive]).stream())).toEqual(wanted);
  });

  it('passes large chunks through as views of what the source gave', async () => {
    const content = Buffer.alloc(3 * 2 ** 20, 7);
    const whole = Buffer.concat([
      encodeHeader({ name: 'big', mode: 0o644, size: content.length }),
      content,
      END_OF_ARCHIVE,
    ]);
    const chunks = [whole.subarray(0, 2 ** 20), whole.subarray(2 ** 20, 2 ** 21), whole.subarray(2 ** 21)];
    for await (const entry of readTar(chunks)) {
      const parts: Uint8Array[] = [];
      for await (const part of entry.body) parts.push(part);
      expect(parts.map((part) => part.length)).toEqual([2 ** 20 - 512, 2 ** 20, 2 ** 20 + 512]);
      expect(parts.every((part) => part.buffer === whole.buffer)).toBe(true);
    }
  });

  it('passes over what was not read of a body', async () => {
    const names: string[] = [];
    for await (const entry of readTar(chunked(archive, 600))) {
      names.push(entry.name);
      if (entry.name.startsWith('c')) for await (const _ of entry.body) break;
    }
    expect(names.length).toBe(3);
  });

  it('goes to the next entry while a read of the body is still under way', async () => {
    const entries = readTar(Readable.from(chunked(archive, 100)));
    const first = (await entries.next()).value as TarStreamEntry;
    const reading = first.body[Symbol.asyncIterator]().next();
    const second = entries.next();
    expect(Buffer.from((await reading).value as Uint8Array).toString()).toBe('one');
    expect(((await second).value as TarStreamEntry).name).toBe('b');
    await entries.return();
  });

  it('refuses a body that comes too late or is read twice', async () => {
    const entries: TarStreamEntry[] = [];
    for await (const entry of readTar(archive)) {
      await textOf(entry);
      entries.push(entry);
      await expect(textOf(entry)).rejects.toThrow(/was read or passed over before/);
    }
    for await (const entry of readTar(archive)) entries.push(entry);
    for (const entry of entries) await expect(textOf(entry)).rejects.toThrow(/passed over before/);
  });

  it('ends the source when the iteration is broken off', async () => {
    let ended = false;
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        yield* chunked(archive, 512);
      } finally {
        ended = true;
      }
    }
    for await (const _ of readTar(source())) break;
    expect(ended).toBe(true);
  });

  it('rejects with the reason of an aborted signal while the source is silent', async () => {
    const silent = new PassThrough();
    silent.write(archive.subarray(0, 514));
    const controller = new AbortController();
    const reason = new Error('enough');
    const reading = read(silent, { signal: controller.signal });
    setTimeout(() => {
      controller.abort(reason);
    }, 20);
    await expect(reading).rejects.toBe(reason);
    await expect(read(archive, { signal: controller.signal })).rejects.toBe(reason);
    silent.destroy();
  });

  it('lets an error of the source through unchanged', async () => {
    const broken = new Error('disk on fire');
    function* source(): Generator<Uint8Array> {
      yield archive.subarray(0, 700);
      throw broken;
    }
    expect(await failure(source())).toBe(broken);
  });

  it('names an archive that is cut off anywhere, also where only the end marker is short', async () => {
    for (let length = 0; length < archive.length; length += length < 2100 ? 1 : 51) {
      const error = await failure(chunked(archive.subarray(0, length), 512), { name: 'x.tar' });
      expect(isStowageError(error, 'INVALID'), `cut off at ${length}`).toBe(true);
      if (length >= 512)
        expect((error as Error).message).toMatch(/^Cannot read tar archive "x.tar": it is cut off/);
    }
  });

  it('accepts a missing end marker where it is told to, and says how the archive ended', async () => {
    const ends: ArchiveEnd[] = [];
    const onEnd = (end: ArchiveEnd): void => void ends.push(end);
    const bare = archive.subarray(0, -1024);
    await read(archive, { onEnd });
    await read(Buffer.concat([archive, new Uint8Array(5000)]), { onEnd });
    await read(bare, { endMarker: 'optional', onEnd });
    await read(archive.subarray(0, -512), { endMarker: 'optional', onEnd });
    expect(ends).toEqual([true, true, false, false].map((marked) => ({ marked, offset: bare.length })));
    expect(await failure(archive.subarray(0, -513), { endMarker: 'optional' })).toBeDefined();
    expect(await failure(bare.subarray(0, -1), { endMarker: 'optional' })).toBeDefined();
  });

  it('reads an archive without entries', async () => {
    expect(await read(END_OF_ARCHIVE)).toEqual([]);
    expect(await read(Buffer.alloc(10240))).toEqual([]);
  });

  it('refuses data behind the end marker', async () => {
    for (const behind of [
      archive,
      Buffer.from('x'),
      Buffer.concat([Buffer.alloc(200_000), Buffer.from('x')]),
    ]) {
      const error = await failure(chunked(Buffer.concat([archive, behind]), 70_000));
      expect(isStowageError(error, 'INVALID')).toBe(true);
      expect((error as Error).message).toContain('holds data after its end marker');
    }
    const lone = Buffer.concat([member('a', 'one'), new Uint8Array(512), member('b', 'two'), END_OF_ARCHIVE]);
    expect(String(await failure(lone))).toContain('after a lone block of zeros, at byte 1536');
  });

  it('says of a compressed file by what it is compressed', async () => {
    const starts = { gzip: '1f8b0800', zstd: '28b52ffd', xz: 'fd377a585a00', bzip2: '425a6839' };
    for (const [compression, start] of Object.entries(starts)) {
      for (const length of [8, 600]) {
        const bytes = Buffer.alloc(length, 1);
        bytes.write(start, 'hex');
        const error = await failure(bytes);
        expect(isStowageError(error, 'UNSUPPORTED')).toBe(true);
        expect((error as Error).message).toContain(`it is compressed with ${compression}`);
      }
    }
  });

  it('says of anything else that it is no tar archive', async () => {
    expect(String(await failure(new Uint8Array(0)))).toContain('it is empty, not a tar archive');
    const diskImage = Buffer.concat([Buffer.alloc(1024), Buffer.alloc(4096, 3)]);
    for (const bytes of [Buffer.from('hello'), Buffer.alloc(2000, 'x'), diskImage]) {
      const error = await failure(bytes);
      expect(isStowageError(error, 'INVALID')).toBe(true);
      expect((error as Error).message).toBe('Cannot read tar archive: it is not a tar archive');
    }
  });

  it('names the position of a damaged header', async () => {
    const damaged = Buffer.from(archive);
    damaged[1024 + 20] = 1;
    expect(String(await failure(damaged))).toContain('the header at byte 1024 has a wrong checksum');
  });

  it('accepts as many entries as it is told to', async () => {
    expect((await read(archive, { maxEntries: 3 })).length).toBe(3);
    expect(isStowageError(await failure(archive, { maxEntries: 2 }), 'LIMIT_EXCEEDED')).toBe(true);
  });
});

function* chunked(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}
