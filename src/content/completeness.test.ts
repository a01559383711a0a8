import { describe, expect, it } from 'vitest';
import { openMemoryStore } from '../backends/memory/store.js';
import { parseDigest } from '../oci/digest.js';
import { OCI_CONFIG, OCI_EMPTY, OCI_MANIFEST, OCI_NON_DISTRIBUTABLE_LAYER } from '../oci/media-type.js';
import {
  blob,
  config,
  forPlatform,
  index,
  layer,
  manifest,
  pointedTo,
  putImage,
  type Built,
} from '../testing/build-image.js';
import { failureOf } from '../testing/content.js';
import { inspectImage, type Has } from './completeness.js';

const configs = { amd64: config(), arm64: config({ architecture: 'arm64', variant: 'v8' }) };
const shared = layer('base', 'b');
const amd64 = forPlatform('linux/amd64', manifest(configs.amd64, shared, layer('a', 'a')));
const arm64 = forPlatform('linux/arm64', manifest(configs.arm64, shared));
const image = index(amd64, arm64);

async function inspect(target: Built, without: readonly Built[] = []) {
  const { content } = openMemoryStore();
  await putImage(content, target, without);
  const asked: number[] = [];
  const has: Has = (targets) => {
    asked.push(targets.length);
    return content.claim(targets);
  };
  return { ...(await inspectImage(has, content, target.descriptor)), asked };
}

const digestOfBuilt = ({ descriptor }: Built) => descriptor.digest;

describe('inspectImage', () => {
  it('counts blobs, however often they are referred to', async () => {
    const many = Array.from({ length: 7_000 }, (_, at) =>
      manifest(configs.amd64, shared, { annotations: { at: `${at}` } }),
    );
    const halves = [index(...many.slice(0, 3_500)), index(...many.slice(3_500))];
    expect((await inspect(index(...halves))).manifests).toHaveLength(7_000);
  });

  it('finds every platform complete, asking once a level', async () => {
    const { manifests, indexes, asked } = await inspect(image);
    expect(manifests.map(({ state, platform }) => [state, platform?.architecture])).toEqual([
      ['complete', 'amd64'],
      ['complete', 'arm64'],
    ]);
    expect(manifests[0]?.held.map(({ digest }) => digest)).toEqual([...amd64.blobs.keys()].slice(0, -1));
    expect(indexes).toEqual([image.descriptor]);
    expect(asked).toEqual([1, 2, 4]);
  });

  it('calls a manifest that is not there absent', async () => {
    const { manifests } = await inspect(image, [arm64]);
    expect(manifests.map(({ state }) => state)).toEqual(['complete', 'absent']);
    expect(manifests[1]).toMatchObject({ missing: [arm64.descriptor], held: [] });
  });

  it.each([
    ['config', configs.arm64],
    ['layer', shared],
  ])('calls a manifest damaged whose %s is missing', async (_, missing) => {
    const { manifests } = await inspect(image, [missing]);
    expect(manifests[1]?.state).toBe('damaged');
    expect(manifests[1]?.missing).toEqual([missing.descriptor]);
  });

  it('does not mind a missing layer that may not be distributed', async () => {
    const foreign = layer('f', 'f', OCI_NON_DISTRIBUTABLE_LAYER);
    const windows = manifest(config({ os: 'windows' }), foreign, shared);
    const [state] = (await inspect(windows, [foreign])).manifests;
    expect(state).toMatchObject({ state: 'complete', missing: [], platform: { os: 'windows' } });
    expect(state?.held.map(({ digest }) => digest)).not.toContain(digestOfBuilt(foreign));
    const [whole] = (await inspect(windows)).manifests;
    expect(whole?.held.map(({ digest }) => digest)).toContain(digestOfBuilt(foreign));
  });

  it('reads the platform from the config where the descriptor has none, or an unknown one', async () => {
    const plain = manifest(configs.arm64, shared);
    expect((await inspect(plain)).manifests[0]?.platform).toEqual({
      architecture: 'arm64',
      os: 'linux',
      variant: 'v8',
    });
    const unknown = index(forPlatform('unknown/unknown', plain));
    expect((await inspect(unknown)).manifests[0]?.platform?.architecture).toBe('arm64');
  });

  it('knows no platform for artifacts, unknown ones and configs that are missing', async () => {
    const artifact = manifest(blob('{}', OCI_EMPTY), blob('text'));
    const attestation = manifest(config({ os: 'unknown', architecture: 'unknown' }), blob('{}'));
    const headless = manifest(configs.amd64);
    const { manifests } = await inspect(index(artifact, attestation, headless), [configs.amd64]);
    expect(manifests.map(({ platform }) => platform)).toEqual([undefined, undefined, undefined]);
    expect(manifests.map(({ state }) => state)).toEqual(['complete', 'complete', 'damaged']);
  });

  it('goes into nested indexes and lists each index after what it lists', async () => {
    const inner = index(arm64);
    const between = index(inner, amd64);
    const root = index(between, inner);
    const { manifests, indexes } = await inspect(root);
    expect(manifests.map(({ descriptor }) => descriptor)).toEqual([arm64.descriptor, amd64.descriptor]);
    expect(indexes).toEqual([inner.descriptor, between.descriptor, root.descriptor]);
  });

  it('counts an index that is absent, and things of any other kind, as entries', async () => {
    const inner = index(arm64);
    const readme = blob('text', 'text/plain');
    const gone = blob('gone', 'text/plain');
    const { manifests, indexes } = await inspect(index(inner, readme, gone), [inner, gone]);
    expect(manifests.map(({ state }) => state)).toEqual(['absent', 'complete', 'absent']);
    expect(indexes).toHaveLength(1);
  });

  it('says when the target itself is absent', async () => {
    const { manifests, indexes } = await inspect(image, [image]);
    expect(manifests).toMatchObject([{ state: 'absent', missing: [image.descriptor] }]);
    expect(indexes).toEqual([]);
  });

  it('knows what an attestation attests', async () => {
    const attest = (digest: string) =>
      pointedTo(manifest(blob('{}', OCI_EMPTY), blob(digest)), {
        annotations: { 'vnd.docker.reference.digest': digest },
      });
    const { manifests } = await inspect(index(amd64, attest(digestOfBuilt(amd64)), attest('nonsense')));
    expect(manifests.map(({ attests }) => attests)).toEqual([undefined, digestOfBuilt(amd64), undefined]);
  });

  it('lists a manifest once that is listed twice', async () => {
    expect((await inspect(index(amd64, arm64, amd64))).manifests).toHaveLength(2);
  });

  it('does not read layers', async () => {
    const { content } = openMemoryStore();
    await putImage(content, image);
    const read: string[] = [];
    const reader = {
      stat: content.stat.bind(content),
      read: (...args: Parameters<typeof content.read>) => {
        read.push(args[0].digest);
        return content.read(...args);
      },
    };
    await inspectImage((targets) => content.claim(targets), reader, image.descriptor);
    expect(read.sort()).toEqual([image, amd64, arm64].map(digestOfBuilt).sort());
  });

  it('passes on that a document or a config is not one', async () => {
    const wrong = blob('{', OCI_MANIFEST);
    expect(await failureOf(inspect(index(wrong)))).toMatchObject({ code: 'INVALID' });
    const badConfig = manifest(blob('no json', OCI_CONFIG));
    expect(await failureOf(inspect(badConfig))).toMatchObject({ code: 'INVALID' });
  });

  it('limits depth and number of blobs', async () => {
    let deep: Built = index(amd64);
    for (let level = 0; level < 20; level++) deep = index(deep);
    expect(await failureOf(inspect(deep))).toMatchObject({ code: 'LIMIT_EXCEEDED' });
    const absent = (number: number): Built => ({
      ...amd64,
      descriptor: { ...amd64.descriptor, digest: parseDigest(`sha256:${String(number).padStart(64, '0')}`) },
    });
    const page = (number: number) =>
      index(...Array.from({ length: 10_001 }, (_, at) => absent(number * 20_000 + at)));
    const many = index(...Array.from({ length: 10 }, (_, at) => page(at)));
    expect(await failureOf(inspect(many))).toMatchObject({ code: 'LIMIT_EXCEEDED' });
  });
});
