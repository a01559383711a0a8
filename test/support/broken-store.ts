/** Stores of a few small images, and damage done to them for real. */
import assert from 'node:assert/strict';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadLibrary } from '../../src/backends/dir/database/library.js';
import { checkStore } from '../../src/backends/dir/fsck/check-store.js';
import type { StoreFinding, StoreFindingCode } from '../../src/backends/dir/fsck/report.js';
import { openStore } from '../../src/backends/dir/open-store.js';
import { isDocument } from '../../src/content/read.js';
import { gcLabels } from '../../src/oci/children.js';
import { encodedOf, type Digest } from '../../src/oci/digest.js';
import { parseDocument } from '../../src/oci/manifest.js';
import { config, forPlatform, index, layer, manifest, type Built } from '../../src/testing/build-image.js';
import { bytesOf } from '../../src/testing/content.js';

export const base = layer('base', bytesOf(1, 5000));
export const configuration = config();
export const image = manifest(configuration, base);
export const other = manifest(config({ architecture: 'arm64' }), base, layer('top', 'top'));
export const both = index(forPlatform('linux/amd64', image), forPlatform('linux/arm64', other));

/** What can be done to the store at `where()`. */
export function brokenStore(where: () => string) {
  /** Stores images as an import does, labels included. */
  async function fill(images: Readonly<Record<string, Built>>, namespace = 'default'): Promise<void> {
    const store = await openStore({ root: where(), namespace });
    for (const [name, { blobs, descriptor }] of Object.entries(images)) {
      for (const [digest, bytes] of blobs) await store.content.put({ digest }, () => bytes);
      for (const each of [descriptor, ...(name === 'both' ? [image.descriptor, other.descriptor] : [])]) {
        if (!isDocument(each)) continue;
        const document = parseDocument(blobs.get(each.digest)!, each.mediaType, name);
        await store.content.setLabels(each.digest, gcLabels(document));
      }
      await store.images.apply([{ op: 'create', name, target: descriptor }]);
    }
    await store.close();
  }

  const pathOf = (digest: Digest) => join(where(), 'blobs/sha256', encodedOf(digest));

  async function overwrite(digest: Digest, change: (bytes: Buffer) => void): Promise<void> {
    const path = pathOf(digest);
    const bytes = await readFile(path);
    change(bytes);
    await chmod(path, 0o644);
    await writeFile(path, bytes);
    await chmod(path, 0o444);
  }

  /** Changes the database as only a fault would. */
  async function tamper(sql: string): Promise<void> {
    const database = (await loadLibrary()).open(join(where(), 'metadata.db'));
    database.exec(sql);
    database.close();
  }

  /** A write in progress with that holder. */
  async function beginIngest(holder: string): Promise<void> {
    const ingest = join(where(), 'ingest', 'a'.repeat(64));
    await mkdir(ingest);
    await writeFile(join(ingest, 'holder'), holder);
    const terms = { namespace: 'default', ref: 'r', startedAt: new Date() };
    await writeFile(join(ingest, 'ingest.json'), JSON.stringify(terms));
    await writeFile(join(ingest, 'data'), 'begun');
  }

  async function findingsOf(
    options: Partial<Parameters<typeof checkStore>[0]> = {},
  ): Promise<readonly StoreFinding[]> {
    const told: StoreFinding[] = [];
    const { findings } = await checkStore({
      root: where(),
      onFinding: (finding) => told.push(finding),
      ...options,
    });
    assert.equal(told.length, findings.length);
    return findings;
  }

  /** The one finding of that code, beside which there are only those of `others`. */
  async function finds(
    code: StoreFindingCode,
    ...others: readonly StoreFindingCode[]
  ): Promise<StoreFinding> {
    const findings = await findingsOf();
    assert.deepEqual(findings.map((finding) => finding.code).sort(), [code, ...others].sort());
    return findings.find((finding) => finding.code === code)!;
  }

  return { fill, pathOf, overwrite, tamper, beginIngest, findingsOf, finds };
}
