import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseDocument } from '../oci/manifest.js';
import { config, forPlatform, index, layer, manifest, pointedTo } from './build-image.js';

describe('build-image', () => {
  it('gives the same bytes for the same expression', () => {
    const build = () => index(forPlatform('linux/arm64/v8', manifest(config(), layer('a.txt', 'hello'))));
    expect(build().descriptor).toEqual(build().descriptor);
    expect(build().descriptor.digest).toBe(
      'sha256:545b6dc072477d97e88554e3de04726252edca8cdba6575ba1f9359403229e57',
    );
  });

  it('writes documents that are read back', () => {
    const image = manifest(config(), layer('a.txt', 'a'), layer('b.txt', 'b'), { annotations: { x: 'y' } });
    const list = index(pointedTo(image, { annotations: { z: '1' } }));
    const document = parseDocument(image.bytes, image.descriptor.mediaType, 'manifest');
    expect(document).toMatchObject({ kind: 'manifest', annotations: { x: 'y' } });
    expect(document.kind === 'manifest' && document.layers).toHaveLength(2);
    expect(parseDocument(list.bytes, list.descriptor.mediaType, 'index')).toMatchObject({
      manifests: [{ digest: image.descriptor.digest, annotations: { z: '1' } }],
    });
    expect([...list.blobs.keys()].slice(-2)).toEqual([image.descriptor.digest, list.descriptor.digest]);
  });

  it('writes layers that tar lists', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'stowage-test-'));
    try {
      await writeFile(join(folder, 'layer.tar'), layer('a.txt', 'hello').bytes);
      const { stdout } = await promisify(execFile)('tar', ['xOf', join(folder, 'layer.tar'), 'a.txt']);
      expect(stdout).toBe('hello');
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
