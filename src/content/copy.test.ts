import { describe, expect, it } from 'vitest';
import { openMemoryStore } from '../backends/memory/store.js';
import { gcLabels } from '../oci/children.js';
import type { Descriptor } from '../oci/descriptor.js';
import { config, forPlatform, index, layer, manifest, putImage, type Built } from '../testing/build-image.js';
import { bytesOf, collect, failureOf, listOf } from '../testing/content.js';
import { inspectImage } from './completeness.js';
import { copy } from './copy.js';
import { selectPlatforms } from './platform-selection.js';
import type { ProgressEvent } from './progress.js';
import { readDocument, isDocument } from './read.js';
import type { ContentStore, Writer } from './store.js';

const base = layer('base', bytesOf(1, 3_000_000));
const image = index(
  forPlatform('linux/amd64', manifest(config(), base, layer('a', 'a'))),
  index(forPlatform('linux/arm64', manifest(config({ architecture: 'arm64' }), base))),
);
const sizeOf = (built: Built) => [...built.blobs.values()].reduce((sum, bytes) => sum + bytes.byteLength, 0);

async function sourceWith(built: Built) {
  const { content } = openMemoryStore();
  await putImage(content, built);
  const inspection = await inspectImage((targets) => content.claim(targets), content, built.descriptor);
  const { descriptors } = selectPlatforms(inspection, { image: '"x"' });
  return { source: content, descriptors };
}

/** A store that refuses a document before everything it refers to is there. */
function strict(content: ContentStore, order: string[] = []): Writer {
  return {
    claim: (targets, options) => content.claim(targets, options),
    put: async (target, open, options) => {
      const stored = await content.put(target, open, options);
      order.push(stored.digest);
      const descriptor = target as Descriptor;
      if (isDocument(descriptor)) {
        const document = await readDocument(content, descriptor);
        for (const digest of Object.values(gcLabels(document))) {
          if ((await content.stat({ digest } as Descriptor)) === undefined) throw new Error('too early');
        }
      }
      return stored;
    },
  };
}

describe('copy', () => {
  it('moves everything, children before parents, and says how much', async () => {
    const { source, descriptors } = await sourceWith(image);
    const target = openMemoryStore().content;
    const events: ProgressEvent[] = [];
    const result = await copy(source, strict(target), descriptors, {
      onProgress: (event) => events.push(event),
    });
    expect(result).toEqual({
      blobs: { written: image.blobs.size, existed: 0 },
      bytes: { written: sizeOf(image), existed: 0 },
    });
    for (const [digest, bytes] of image.blobs) {
      expect((await collect(target.read({ digest }))).equals(bytes)).toBe(true);
    }
    expect(events[0]).toEqual({ kind: 'total', totalBytes: sizeOf(image), blobs: image.blobs.size });
    const counted = events.map((event) => (event.kind === 'bytes' ? event.count : 0));
    expect(counted.reduce((sum, count) => sum + count, 0)).toBe(sizeOf(image));
    expect(events.filter(({ kind }) => kind === 'blob')).toHaveLength(image.blobs.size);
  });

  it('does not open what is held, but labels it', async () => {
    const { source, descriptors } = await sourceWith(image);
    const target = openMemoryStore().content;
    await copy(source, target, descriptors);
    const result = await copy(source, target, descriptors, {
      open: () => expect.unreachable(),
      labelsOf: ({ digest }) => (digest === image.descriptor.digest ? { a: '1' } : undefined),
    });
    expect(result.blobs).toEqual({ written: 0, existed: image.blobs.size });
    expect(result.bytes).toEqual({ written: 0, existed: sizeOf(image) });
    expect((await target.info(image.descriptor.digest))?.labels).toEqual({ a: '1' });
  });

  it('claims in one call and puts each digest once', async () => {
    const { source, descriptors } = await sourceWith(image);
    const target = openMemoryStore().content;
    const order: string[] = [];
    const writer = strict(target, order);
    let claims = 0;
    const counting = {
      ...writer,
      claim: (...args: Parameters<Writer['claim']>) => (claims++, writer.claim(...args)),
    };
    await copy(source, counting, [...descriptors, ...descriptors], { concurrency: 8 });
    expect(claims).toBe(1);
    expect(new Set(order).size).toBe(order.length);
  });

  it('names side, operation and digest when the source fails', async () => {
    const { source, descriptors } = await sourceWith(image);
    await source.delete(base.descriptor.digest);
    const target = openMemoryStore().content;
    const names = { source: '"x.tar"', target: 'the store' };
    const error = await failureOf(copy(source, target, descriptors, { names }));
    expect(error).toMatchObject({
      code: 'NOT_FOUND',
      message: `blob "${base.descriptor.digest}": not found (reading from "x.tar")`,
      detail: { side: 'source', operation: 'read', digest: base.descriptor.digest },
    });
    expect(await target.stat(image.descriptor)).toBeUndefined();
  });

  it('blames the source for wrong bytes, and the target for what it throws', async () => {
    const { source, descriptors } = await sourceWith(image);
    const target = openMemoryStore().content;
    const wrong = await failureOf(copy(source, target, descriptors, { open: () => new Uint8Array(1) }));
    expect(wrong).toMatchObject({ code: 'MISMATCH', detail: { side: 'source' } });
    const full: Writer = {
      claim: (...args) => target.claim(...args),
      put: () => Promise.reject(Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' })),
    };
    const error = await failureOf(copy(source, full, descriptors));
    expect(error).toMatchObject({ code: 'NO_SPACE', detail: { side: 'target', operation: 'put' } });
    expect((error as Error).message).toMatch(
      /^Cannot copy blob "sha256:.*": no space left on the disk \(writing to the target\)$/,
    );
  });

  it('passes on what is no failure of either side', async () => {
    const { source, descriptors } = await sourceWith(image);
    const mistake = new TypeError('a mistake');
    const open = () => {
      throw mistake;
    };
    expect(await failureOf(copy(source, openMemoryStore().content, descriptors, { open }))).toBe(mistake);
  });

  it('rejects with the reason when it is aborted', async () => {
    const { source, descriptors } = await sourceWith(image);
    const controller = new AbortController();
    const target = openMemoryStore().content;
    const onProgress = ({ kind }: ProgressEvent) => kind === 'bytes' && controller.abort('enough');
    const copying = copy(source, target, descriptors, { onProgress, signal: controller.signal });
    expect(await failureOf(copying)).toBe('enough');
    expect((await listOf(target.list())).map(({ digest }) => digest)).not.toContain(image.descriptor.digest);
  });
});
