import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { layoutEntries, named, pathOf, tarOf } from '../../../test/support/build-archive.js';
import { BYTES_WORTH_A_LANE } from '../../io/copy-lanes.js';
import { digestOf } from '../../io/hash.js';
import { OCI_LAYER_GZIP } from '../../oci/media-type.js';
import { blob, config, index, layer, manifest, type Built } from '../../testing/build-image.js';
import { bytesOf } from '../../testing/content.js';
import { verifyArchive } from './verify-archive.js';

/** Layers that are worth a thread; the last one is compressed, and what its configuration says of it is wrong. */
const plain = [1, 2, 3, 4].map((n) => layer(`layer ${n}`, bytesOf(n, BYTES_WORTH_A_LANE)));
const inflated = bytesOf(5, BYTES_WORTH_A_LANE);
const gzipped = blob(gzipSync(inflated, { level: 1 }), OCI_LAYER_GZIP);
const diff_ids = [...plain.map(({ descriptor }) => descriptor.digest), digestOf(bytesOf(6, 1))];
const image: Built = manifest(config({ rootfs: { type: 'layers', diff_ids } }), ...plain, gzipped);
const entries = layoutEntries(index(named('latest', image))).map((entry) =>
  entry.name === pathOf(plain[1]!)
    ? { ...entry, content: Buffer.from(plain[1]!.bytes).fill(1, 700, 701) }
    : entry,
);

let folder: string;
let sources: readonly string[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-observe-'));
  sources = [join(folder, 'archive.tar'), join(folder, 'layout')];
  await writeFile(join(folder, 'archive.tar'), tarOf(entries));
  for (const { name, content = '' } of entries) {
    await mkdir(join(folder, 'layout', dirname(name)), { recursive: true });
    await writeFile(join(folder, 'layout', name), content);
  }
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe.each([[0], [1], [3]])('large layers that are hashed with %d threads', (workers) => {
  it('are found to be what they are, in a tar and in a folder', async () => {
    for (const source of sources) {
      let told = 0;
      const report = await verifyArchive(source, {
        workers,
        onProgress: (event) => {
          if (event.kind === 'bytes') told += event.count;
        },
      });
      expect(report.findings.map(({ code, digest }) => [code, digest])).toEqual([
        ['blob-digest', plain[1]!.descriptor.digest],
        ['layer-digest', image.descriptor.digest],
      ]);
      expect(told).toBe(report.blobs.bytes);
    }
  });

  it('are left in the middle with the reason of an abort, and nothing of them is open', async () => {
    const openFiles = async () => (await readdir('/proc/self/fd')).length;
    for (const source of sources) {
      const before = await openFiles();
      const controller = new AbortController();
      const reason = new Error('enough');
      const onProgress = ({ kind }: { kind: string }) => {
        if (kind === 'bytes') controller.abort(reason);
      };
      await expect(verifyArchive(source, { workers, signal: controller.signal, onProgress })).rejects.toBe(
        reason,
      );
      expect(await openFiles()).toBe(before);
    }
  });
});
