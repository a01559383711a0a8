import { describe, expect, it } from 'vitest';
import { openMemoryStore } from '../backends/memory/index.js';
import { config, forPlatform, index, layer, manifest, putImage, type Built } from '../testing/build-image.js';
import { listOf } from '../testing/content.js';
import { checkImages } from './check.js';

const amd64Layer = layer('a', 'amd64');
const amd64 = manifest(config({ architecture: 'amd64' }), amd64Layer);
const arm64Config = config({ architecture: 'arm64' });
const arm64 = manifest(arm64Config, layer('a', 'arm64'), layer('b', 'both'));
const both = index(forPlatform('linux/amd64', amd64), forPlatform('linux/arm64', arm64));

/** The check of one image that is named and put without some of its blobs. */
async function checkOf(image: Built, without: readonly Built[] = []) {
  const store = openMemoryStore();
  await putImage(store.content, image, without);
  await store.images.apply([{ op: 'create', name: 'x', target: image.descriptor }]);
  const [check] = await listOf(checkImages(store, store.images.list()));
  if (check === undefined) throw new Error('there is one image');
  const states = check.manifests.map(({ platform, state }) => `${platform?.architecture} ${state}`);
  return { ...check, states };
}

describe('a check of images', () => {
  it('is complete where everything is there, and counts configs and layers', async () => {
    const { status, required, present, states } = await checkOf(both);
    expect({ status, states }).toEqual({ status: 'complete', states: ['amd64 complete', 'arm64 complete'] });
    expect(required.blobs).toBe(5);
    expect(present).toEqual(required);
  });

  it('is complete where another platform is not there at all', async () => {
    const { status, required, states } = await checkOf(both, [
      arm64,
      arm64Config,
      layer('a', 'arm64'),
      layer('b', 'both'),
    ]);
    expect({ status, states }).toEqual({ status: 'complete', states: ['amd64 complete', 'arm64 absent'] });
    expect(required.blobs).toBe(2);
  });

  it('is incomplete where a manifest is there and not all it needs', async () => {
    const { status, required, present, states } = await checkOf(both, [amd64Layer]);
    expect({ status, states }).toEqual({ status: 'incomplete', states: ['amd64 damaged', 'arm64 complete'] });
    expect([present.blobs, required.blobs]).toEqual([4, 5]);
    expect(required.bytes - present.bytes).toBe(amd64Layer.descriptor.size);
  });

  it('is unavailable where no manifest is there', async () => {
    expect((await checkOf(amd64, [amd64])).status).toBe('unavailable');
    expect((await checkOf(both, [both])).status).toBe('unavailable');
    expect((await checkOf(both, [amd64, arm64])).status).toBe('unavailable');
  });

  it('is an error where a manifest is none, and goes on', async () => {
    const store = openMemoryStore();
    await putImage(store.content, amd64);
    const target = { ...amd64Layer.descriptor, mediaType: amd64.descriptor.mediaType };
    await store.images.apply([
      { op: 'create', name: 'broken', target },
      { op: 'create', name: 'sound', target: amd64.descriptor },
    ]);
    const checks = await listOf(checkImages(store, store.images.list()));
    expect(checks.map(({ record, status }) => `${record.name} ${status}`)).toEqual([
      'broken error',
      'sound complete',
    ]);
    expect(checks[0]?.problem?.code).toBe('INVALID');
  });
});
