import { describe, expect, it } from 'vitest';
import { openMemoryStore } from '../backends/memory/store.js';
import { config, index, layer, manifest, putImage, type Built } from '../testing/build-image.js';
import { failureOf, listOf } from '../testing/content.js';
import { walk, type WalkNode } from './walk.js';

const base = layer('base', 'b');
const top = layer('top', 't');
const amd64 = manifest(config(), base, top);
const arm64 = manifest(config({ architecture: 'arm64' }), base);
const nested = index(arm64);
const root = index(amd64, nested, arm64);

async function storeWith(image: Built, without: readonly Built[] = []) {
  const { content } = openMemoryStore();
  await putImage(content, image, without);
  return content;
}
const digests = (nodes: readonly WalkNode[]) => nodes.map(({ descriptor }) => descriptor.digest);

describe('walk', () => {
  it('visits each document before its children, and every digest once', async () => {
    const nodes = await listOf(walk(await storeWith(root), root.descriptor));
    const parts = [amd64, arm64].map((each) => [...each.blobs.keys()]);
    expect(digests(nodes)).toEqual([
      root.descriptor.digest,
      amd64.descriptor.digest,
      ...(parts[0] ?? []).slice(0, -1),
      nested.descriptor.digest,
      arm64.descriptor.digest,
      parts[1]?.[0],
    ]);
    expect(nodes.at(-1)?.path).toEqual([root, nested, arm64].map(({ descriptor }) => descriptor));
    expect(nodes[0]?.document?.kind).toBe('index');
    expect(nodes.every(({ missing }) => !missing)).toBe(true);
  });

  it('tells what is missing and goes on', async () => {
    const content = await storeWith(root, [amd64, base]);
    const nodes = await listOf(walk(content, root.descriptor));
    const missing = nodes.filter((node) => node.missing);
    expect(digests(missing)).toEqual([amd64.descriptor.digest, base.descriptor.digest]);
    expect(missing.every(({ document }) => document === undefined)).toBe(true);
    expect(digests(await listOf(walk(openMemoryStore().content, root.descriptor)))).toEqual([
      root.descriptor.digest,
    ]);
  });

  it('leaves out what is below a node that is not to be descended into', async () => {
    const descend = ({ document }: WalkNode) => document?.kind === 'index';
    const nodes = await listOf(walk(await storeWith(root), root.descriptor, { descend }));
    expect(digests(nodes)).toEqual([root, amd64, nested, arm64].map(({ descriptor }) => descriptor.digest));
  });

  it('goes only so deep', async () => {
    let deep: Built = index(amd64);
    for (let level = 0; level < 14; level++) deep = index(deep);
    expect(await listOf(walk(await storeWith(deep), deep.descriptor))).toHaveLength(15 + 4);
    deep = index(deep);
    const content = await storeWith(deep);
    const tooDeep = { code: 'LIMIT_EXCEEDED', detail: { limit: 16 } };
    expect(await failureOf(listOf(walk(content, deep.descriptor)))).toMatchObject(tooDeep);
    expect(await listOf(walk(content, deep.descriptor, { maxDepth: 17 }))).toHaveLength(16 + 4);
  });

  it('is linear where indexes list each other many times', async () => {
    let wide: Built = index(amd64);
    for (let level = 0; level < 12; level++) wide = index(wide, wide, wide, wide);
    expect(await listOf(walk(await storeWith(wide), wide.descriptor))).toHaveLength(13 + 4);
  });

  it('stops with the reason when it is aborted', async () => {
    const controller = new AbortController();
    const content = await storeWith(root);
    const walking = async () => {
      for await (const _ of walk(content, root.descriptor, { signal: controller.signal })) {
        controller.abort('enough');
      }
    };
    expect(await failureOf(walking())).toBe('enough');
  });
});
