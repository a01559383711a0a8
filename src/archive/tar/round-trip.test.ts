import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isStowageError } from '../../errors.js';
import { END_OF_ARCHIVE, encodeHeader, indexTar, paddingFor, readTar } from './index.js';
import type { TarEntry, TarHeaderFields } from './index.js';

let target = '';
beforeAll(async () => {
  target = path.join(await mkdtemp(path.join(tmpdir(), 'stowage-tar-')), 'archive.tar');
});
afterAll(async () => {
  await rm(path.dirname(target), { recursive: true, force: true });
});

const text = (maxLength: number): fc.Arbitrary<string> =>
  fc.oneof(
    fc.string({ maxLength, unit: fc.constantFrom('a', 'b', '.', '-', '/') }),
    fc.string({ maxLength, unit: 'binary' }).map((value) => value.replaceAll('\0', '')),
  );
const octal = fc.oneof(fc.nat(2 ** 21 - 1), fc.constantFrom(0, 0o644, 2 ** 21 - 1));
const owner = fc.oneof(octal, fc.maxSafeNat());
const time = fc.record({
  seconds: fc.oneof(
    fc.nat(),
    // No -0, which no archive can say.
    fc.maxSafeInteger().map((value) => Math.trunc(value / 2) + 0),
  ),
  nanoseconds: fc.oneof(fc.constant(0), fc.nat(999_999_999)),
});
const attributes = fc
  .array(fc.tuple(fc.stringMatching(/^[a-z.]{1,20}$/), fc.uint8Array({ maxLength: 40 })), { maxLength: 3 })
  .map((pairs) => new Map(pairs.map(([key, value]) => [`SCHILY.xattr.${key}`, value])));

interface Member {
  readonly fields: TarHeaderFields;
  readonly content: Uint8Array;
}

const member: fc.Arbitrary<Member> = fc
  .record({
    type: fc.constantFrom('file', 'directory', 'symlink', 'hard-link', 'fifo', 'contiguous', 'block-device'),
    content: fc.oneof(fc.uint8Array({ maxLength: 1600 }), fc.constant(new Uint8Array(512))),
    name: text(300),
    mode: octal,
    uid: owner,
    gid: owner,
    mtime: time,
    linkName: text(200),
    uname: text(50),
    gname: text(50),
    devMajor: octal,
    devMinor: octal,
    pax: attributes,
  } satisfies Record<string, fc.Arbitrary<unknown>>)
  .map(({ content, type, name, ...rest }) => {
    const body = type === 'file' || type === 'contiguous' ? content : new Uint8Array(0);
    const fields = { ...rest, type, name: name.replace(/\/+$/, ''), size: body.length } as TarHeaderFields;
    return { fields, content: body };
  });

function archiveOf(members: readonly Member[]): Uint8Array {
  const parts = members.flatMap(({ fields, content }) => [
    encodeHeader(fields),
    content,
    new Uint8Array(paddingFor(content.length)),
  ]);
  return Buffer.concat([...parts, END_OF_ARCHIVE]);
}

/** Cuts bytes in pieces of these lengths, again and again. */
function* cut(bytes: Uint8Array, lengths: readonly number[]): Generator<Uint8Array> {
  for (let start = 0, index = 0; start < bytes.length; index += 1) {
    const length = lengths[index % lengths.length] ?? 1;
    yield bytes.subarray(start, start + length);
    start += length;
  }
}

async function streamed(chunks: Iterable<Uint8Array>): Promise<{ entry: TarEntry; content: Buffer }[]> {
  const found: { entry: TarEntry; content: Buffer }[] = [];
  for await (const { body, ...entry } of readTar(chunks)) {
    const parts: Uint8Array[] = [];
    for await (const part of body) parts.push(part);
    found.push({ entry, content: Buffer.concat(parts) });
  }
  return found;
}

async function indexed(bytes: Uint8Array): Promise<TarEntry[]> {
  await writeFile(target, bytes);
  const file = await open(target);
  const entries: TarEntry[] = [];
  try {
    for await (const entry of indexTar(file)) entries.push(entry);
  } finally {
    await file.close();
  }
  return entries;
}

/** What a reading comes to; anything it throws that is not one of our errors fails the test. */
async function outcome<T>(reading: Promise<T>): Promise<T | string> {
  return reading.catch((error: unknown) => {
    if (!isStowageError(error)) throw error;
    expect(error.message).not.toContain('\n');
    return error.code;
  });
}

const lengths = fc.array(fc.integer({ min: 1, max: 1500 }), { minLength: 1, maxLength: 8 });

describe('an archive', () => {
  it('is read as it was written, however it is cut into chunks', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(member, { maxLength: 5 }), lengths, async (members, sizes) => {
        const found = await streamed(cut(archiveOf(members), sizes));
        expect(found.length).toBe(members.length);
        for (const [index, { fields, content }] of members.entries()) {
          const { entry, content: read } = found[index] ?? expect.unreachable();
          expect(read.equals(content)).toBe(true);
          const { pax = new Map<string, Uint8Array>(), ...wanted } = fields;
          expect(entry).toMatchObject(wanted);
          for (const [key, value] of pax)
            expect(Buffer.from(value).equals(entry.pax.get(key) ?? Buffer.of(1))).toBe(true);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('is the same for both readers', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(member, { maxLength: 5 }), async (members) => {
        const bytes = archiveOf(members);
        expect(await indexed(bytes)).toEqual((await streamed([bytes])).map(({ entry }) => entry));
      }),
      { numRuns: 60 },
    );
  });

  it('that was damaged is read or refused, alike by both readers, and never crashes them', async () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), {
      minLength: 1,
      maxLength: 4,
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(member, { minLength: 1, maxLength: 3 }),
        damage,
        lengths,
        async (members, hits, sizes) => {
          const bytes = Buffer.from(archiveOf(members));
          for (const [position, value] of hits) mend(bytes, position % bytes.length, value);
          const found = await outcome(streamed(cut(bytes, sizes)));
          const listed = await outcome(indexed(bytes));
          expect(listed).toEqual(typeof found === 'string' ? found : found.map(({ entry }) => entry));
        },
      ),
      { numRuns: 300 },
    );
  });

  it('that is no archive at all is refused', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 3000 }), lengths, async (bytes, sizes) => {
        const found = await outcome(streamed(cut(bytes, sizes)));
        // Zeros are an archive without entries.
        if (bytes.length < 1024 || bytes.some((byte) => byte !== 0))
          expect(found).toMatch(/^(INVALID|UNSUPPORTED)$/);
      }),
      { numRuns: 200 },
    );
  });
});

/** Changes a byte and puts the checksum of its block right, so that the change is not caught at once. */
function mend(bytes: Buffer, position: number, value: number): void {
  bytes[position] = value;
  const block = bytes.subarray(position - (position % 512), position - (position % 512) + 512);
  if (block.subarray(257, 262).toString('latin1') !== 'ustar') return;
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
}
