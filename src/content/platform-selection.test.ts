import { describe, expect, it } from 'vitest';
import { openMemoryStore } from '../backends/memory/store.js';
import { OCI_EMPTY } from '../oci/media-type.js';
import { parsePlatform } from '../oci/platform-specifier.js';
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
import { inspectImage } from './completeness.js';
import { describePlatforms } from './platform-report.js';
import {
  requirement,
  selectPlatforms,
  type PlatformSelection,
  type SelectionOptions,
} from './platform-selection.js';

const base = layer('base', 'b');
const armLayer = layer('arm', 'a');
const amd64 = forPlatform('linux/amd64', manifest(config(), base));
const arm64 = forPlatform('linux/arm64/v8', manifest(config({ architecture: 'arm64' }), base, armLayer));
const s390x = forPlatform('linux/s390x', manifest(config({ architecture: 's390x' }), base));
const image = index(amd64, arm64, s390x);

const attestationOf = (subject: Built) =>
  pointedTo(
    forPlatform('unknown/unknown', manifest(blob('{}', OCI_EMPTY), blob(subject.descriptor.digest))),
    {
      annotations: {
        'vnd.docker.reference.type': 'attestation-manifest',
        'vnd.docker.reference.digest': subject.descriptor.digest,
      },
    },
  );

async function select(
  target: Built,
  without: readonly Built[] = [],
  options: Partial<SelectionOptions> = {},
): Promise<PlatformSelection> {
  const { content } = openMemoryStore();
  await putImage(content, target, without);
  const inspection = await inspectImage((targets) => content.claim(targets), content, target.descriptor);
  return selectPlatforms(inspection, { image: '"img:1"', ...options });
}
const platforms = (...specifiers: string[]) => specifiers.map((specifier) => parsePlatform(specifier));
const states = (selection: PlatformSelection) =>
  selection.platforms.map(({ platform, state }) => `${platform} ${state}`);
const moved = (selection: PlatformSelection) =>
  selection.manifests.map(({ descriptor }) => descriptor.digest);
const digest = ({ descriptor }: Built) => descriptor.digest;

describe('selectPlatforms', () => {
  it('takes every complete platform, whatever the machine', async () => {
    const selection = await select(image);
    expect(states(selection)).toEqual([
      'linux/amd64 complete',
      'linux/arm64 complete',
      'linux/s390x complete',
    ]);
    expect(new Set(selection.descriptors.map((each) => each.digest))).toEqual(new Set(image.blobs.keys()));
  });

  it('lists each blob once and after those it refers to', async () => {
    const nested = index(index(amd64, arm64), index(arm64, s390x));
    const { descriptors } = await select(nested);
    const order = descriptors.map((each) => each.digest);
    expect(new Set(order).size).toBe(order.length);
    expect(order).toHaveLength(nested.blobs.size);
    for (const parent of [amd64, arm64, s390x, nested]) {
      const at = order.indexOf(digest(parent));
      for (const child of parent.blobs.keys()) expect(order.indexOf(child)).toBeLessThanOrEqual(at);
    }
  });

  it('accepts and lists what is absent', async () => {
    const selection = await select(image, [arm64, armLayer]);
    expect(states(selection)).toEqual(['linux/amd64 complete', 'linux/arm64 absent', 'linux/s390x complete']);
    expect(moved(selection)).toEqual([digest(amd64), digest(s390x)]);
    expect(selection.descriptors.map((each) => each.digest)).not.toContain(digest(arm64));
  });

  it('refuses what is damaged, and names what is missing', async () => {
    await expect(select(image, [armLayer])).rejects.toMatchObject({
      code: 'INVALID',
      message:
        `Cannot use image "img:1": platform linux/arm64, manifest "${digest(arm64)}" is damaged, ` +
        `it lacks "${digest(armLayer)}"`,
      detail: { digest: digest(arm64), missing: [digest(armLayer)] },
    });
  });

  it('does not mind damage to a platform that is not wanted', async () => {
    const selection = await select(image, [armLayer], { platforms: platforms('linux/amd64') });
    expect(states(selection)).toEqual([
      'linux/amd64 complete',
      'linux/arm64 left-out',
      'linux/s390x left-out',
    ]);
    expect(selection.descriptors.map((each) => each.digest)).toEqual([...amd64.blobs.keys(), digest(image)]);
  });

  it('refuses an image of which nothing is complete', async () => {
    await expect(select(image, [amd64, arm64, s390x])).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message:
        'Cannot use image "img:1": no platform is complete, 3 are listed: ' +
        `platform linux/amd64, manifest "${digest(amd64)}" is absent`,
    });
    await expect(select(image, [image])).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: `Cannot use image "img:1": its target "${digest(image)}" is absent`,
    });
    await expect(select(index())).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('takes several platforms, written in any way, and only exactly these', async () => {
    const selection = await select(image, [], { platforms: platforms('linux/aarch64', 'linux/x86_64') });
    expect(moved(selection)).toEqual([digest(amd64), digest(arm64)]);
    const compatible = index(forPlatform('linux/386', manifest(config({ architecture: '386' }), base)));
    await expect(select(compatible, [], { platforms: platforms('linux/amd64') })).rejects.toThrow(
      'Cannot use image "img:1" with --platform linux/amd64: it has no platform linux/amd64',
    );
  });

  it('fails if a platform that is asked for is not complete', async () => {
    const options = { platforms: platforms('linux/amd64', 'linux/arm64') };
    await expect(select(image, [arm64], options)).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message:
        `Cannot use image "img:1" with --platform linux/arm64: platform linux/arm64, manifest ` +
        `"${digest(arm64)}" is listed but absent`,
      detail: { digest: digest(arm64), platform: 'linux/arm64' },
      hint: 'complete are: linux/amd64, linux/s390x',
    });
    await expect(select(image, [armLayer], options)).rejects.toMatchObject({ code: 'INVALID' });
    await expect(
      select(manifest(config(), base), [], { platforms: platforms('linux/arm64') }),
    ).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('can require that all, or some, are complete', async () => {
    expect(moved(await select(image, [], { require: 'all' }))).toHaveLength(3);
    await expect(select(image, [arm64], { require: 'all' })).rejects.toMatchObject({
      code: 'NOT_FOUND',
      detail: { digest: digest(arm64) },
    });
    const some = { require: platforms('linux/amd64') };
    expect(moved(await select(image, [arm64], some))).toHaveLength(2);
    await expect(select(image, [amd64], some)).rejects.toThrow('--require linux/amd64');
    const narrow = { platforms: platforms('linux/amd64'), require: 'all' as const };
    await expect(select(image, [armLayer], narrow)).rejects.toMatchObject({ code: 'INVALID' });
  });

  it('names the flag that a platform is required by', async () => {
    const refusal = (options: Parameters<typeof requirement>[0], without: Built) =>
      select(image, [without], requirement(options)).then(
        () => 'accepted',
        (error: Error) => error.message,
      );
    expect(await refusal({ allPlatforms: true }, arm64)).toBe(
      `Cannot use image "img:1" with --all-platforms: platform linux/arm64, manifest "${digest(arm64)}" is absent`,
    );
    expect(await refusal({ require: 'all' }, arm64)).toContain('with --require all: platform linux/arm64');
    expect(await refusal({ require: 'all' }, armLayer)).toContain('with --require all: platform linux/arm64');
    expect(await refusal({ require: platforms('linux/arm64') }, arm64)).toContain(
      'with --require linux/arm64: platform linux/arm64',
    );
    expect(await refusal({ allPlatforms: true, require: 'present' }, arm64)).toBe('accepted');
    await expect(select(image, [armLayer], { platforms: platforms('linux/arm64') })).rejects.toThrow(
      'with --platform linux/arm64: platform linux/arm64',
    );
  });

  it('keeps what has no platform, also when platforms are chosen', async () => {
    const chart = manifest(blob('{}', OCI_EMPTY), blob('chart'));
    const mixed = index(amd64, arm64, chart);
    const selection = await select(mixed, [], { platforms: platforms('linux/amd64') });
    expect(moved(selection)).toEqual([digest(amd64), digest(chart)]);
    expect(states(selection)).toContain('undefined complete');
    expect(moved(await select(chart))).toEqual([digest(chart)]);
  });

  it('lets an attestation travel with what it attests, and does not list it', async () => {
    const [of1, of2] = [attestationOf(amd64), attestationOf(arm64)];
    const attested = index(amd64, arm64, of1, of2);
    const selection = await select(attested, [], { platforms: platforms('linux/arm64') });
    expect(moved(selection)).toEqual([digest(arm64), digest(of2)]);
    expect(states(selection)).toEqual(['linux/amd64 left-out', 'linux/arm64 complete']);
    expect(moved(await select(attested))).toHaveLength(4);
    expect(moved(await select(attested, [arm64]))).toEqual([digest(amd64), digest(of1)]);
  });

  it('does without an attestation that is absent, but not with a damaged one', async () => {
    const attestation = attestationOf(amd64);
    const attested = index(amd64, attestation);
    expect(moved(await select(attested, [attestation], { require: 'all' }))).toEqual([digest(amd64)]);
    const statement = blob(digest(amd64));
    await expect(select(attested, [statement])).rejects.toMatchObject({
      code: 'INVALID',
      detail: { digest: digest(attestation) },
    });
    await expect(select(index(amd64, arm64, attestation), [amd64, statement])).resolves.toBeDefined();
    await expect(select(attested, [amd64])).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('describePlatforms()', () => {
  it('says what is there of every platform, without a verdict', async () => {
    const { content } = openMemoryStore();
    await putImage(content, image, [arm64, armLayer, s390x]);
    await content.put(arm64.descriptor, () => arm64.bytes);
    const has = (targets: Parameters<typeof content.claim>[0]) => content.claim(targets);
    const inspection = await inspectImage(has, content, image.descriptor);
    const said = describePlatforms(inspection, {});
    expect(said.map(({ platform, state, missing }) => [platform, state, missing])).toEqual([
      ['linux/amd64', 'complete', []],
      ['linux/arm64', 'damaged', [digest(armLayer)]],
      ['linux/s390x', 'absent', [digest(s390x)]],
    ]);
    const size = [...arm64.blobs.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
    expect(said[1]?.size).toBe(size);
    expect(said[0]?.attestations).toEqual([]);
    const chosen = describePlatforms(inspection, { platforms: platforms('linux/amd64') });
    expect(chosen.map(({ state }) => state)).toEqual(['complete', 'left-out', 'absent']);
  });

  it('counts attestations with what they attest', async () => {
    const attestation = attestationOf(amd64);
    const attested = index(amd64, arm64, attestation);
    const { content } = openMemoryStore();
    await putImage(content, attested);
    const inspection = await inspectImage((targets) => content.claim(targets), content, attested.descriptor);
    expect(describePlatforms(inspection, {}).map(({ attestations }) => attestations)).toEqual([
      [digest(attestation)],
      [],
    ]);
  });
});
