import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { layoutEntries, layoutTar, named, pathOf, tarOf } from '../../test/support/build-archive.js';
import { openMemoryStore } from '../backends/memory/index.js';
import { allReferrersOf, referrersOf } from '../content/referrers.js';
import type { Store } from '../images/store.js';
import { DIGEST_TAG_SUFFIXES, digestTag, type DigestTagSuffix } from '../oci/digest-tag.js';
import { OCI_EMPTY } from '../oci/media-type.js';
import { inPieces, listOf } from '../testing/content.js';
import {
  blob,
  config,
  forPlatform,
  index,
  layer,
  manifest,
  pointedTo,
  type Built,
} from '../testing/build-image.js';
import { importArchive, type ImportOptions } from './index.js';

const hello = manifest(config(), layer('hello.txt', 'hello'));
const other = manifest(config({ architecture: 'arm64' }), layer('other.txt', 'other'));
const both = index(forPlatform('linux/amd64', hello), forPlatform('linux/arm64', other));
const about = (subject: Built, text: string) =>
  manifest(blob('{}', OCI_EMPTY), blob(text, 'text/plain'), {
    subject: subject.descriptor,
    artifactType: 'application/x-note',
  });
const hanging = (subject: Built, suffix: DigestTagSuffix, built: Built) =>
  named(digestTag({ subject: subject.descriptor.digest, suffix }), built);
const signature = manifest(config({ signs: 'hello' }), blob('signature', 'text/plain'));

let folder: string;
let store: Store;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-referrers-'));
  store = openMemoryStore();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const forms = {
  'from a file': async (tar: Uint8Array, options?: ImportOptions) => {
    const path = join(folder, 'x.tar');
    await writeFile(path, tar);
    return importArchive(store, path, options);
  },
  'from a stream': (tar: Uint8Array, options?: ImportOptions) =>
    importArchive(store, inPieces(tar, 700), options),
};

const names = async () => (await listOf(store.images.list())).map(({ name }) => name);
const digest = ({ descriptor }: Built) => descriptor.digest;
const found = async (subject: Built) =>
  (await referrersOf(store.content, digest(subject))).map((each) => each.descriptor.digest);

describe.each(Object.entries(forms))('importArchive() of referrers %s', (form, run) => {
  it('takes in what says that it refers to an image, without a name', async () => {
    const note = about(hello, 'note');
    const signed = about(note, 'a signature of the note');
    const result = await run(layoutTar(signed, note, named('a/b:1', hello)));
    expect(await names()).toEqual(['a/b:1']);
    expect(result.referrers).toMatchObject([
      { digest: digest(signed), subject: digest(note), state: 'complete' },
      { digest: digest(note), subject: digest(hello), artifactType: 'application/x-note', state: 'complete' },
    ]);
    for (const each of [...note.blobs.keys(), ...signed.blobs.keys()]) {
      expect(await store.content.stat({ digest: each })).toBeDefined();
    }
    const all = await allReferrersOf(store.content, [digest(hello)]);
    expect(all.map(({ descriptor }) => descriptor.digest)).toEqual([digest(note), digest(signed)]);
  });

  it('takes in what hangs on an image by a tag, and can say that tag again', async () => {
    const attached = DIGEST_TAG_SUFFIXES.map((suffix): [DigestTagSuffix, Built] => [
      suffix,
      suffix === ''
        ? index(about(hello, 'listed'))
        : manifest(config({ suffix }), blob(suffix, 'text/plain')),
    ]);
    const entries = attached.map(([suffix, built]) => hanging(hello, suffix, built));
    await run(layoutTar(named('a/b:1', hello), ...entries), { baseName: 'a/b' });
    expect(await names()).toEqual(['a/b:1']);
    const tags = (await referrersOf(store.content, digest(hello))).map(({ tag, descriptor }) => [
      tag,
      descriptor.digest,
    ]);
    expect(new Map(tags as [string, string][])).toEqual(
      new Map(
        attached.map(([suffix, built]) => [digestTag({ subject: digest(hello), suffix }), digest(built)]),
      ),
    );
  });

  it('also names what has a full name', async () => {
    const tag = digestTag({ subject: digest(hello), suffix: '.sig' });
    await run(layoutTar(named('a/b:1', hello), named(`a/b:${tag}`, signature)));
    expect(await names()).toEqual(['a/b:1', `a/b:${tag}`]);
    expect(await found(hello)).toEqual([digest(signature)]);
  });

  it('takes with one image only what belongs to it', async () => {
    const [mine, its] = [about(hello, 'mine'), about(other, 'its')];
    const tar = layoutTar(named('one', hello), named('two', other), its, mine);
    const { referrers } = await run(tar, { ref: 'a/b:one' });
    expect(referrers.map(({ state }) => state)).toEqual(['left-out', 'complete']);
    expect(await found(hello)).toEqual([digest(mine)]);
    expect(await found(other)).toEqual([]);
  });

  it('leaves what belongs to a platform that is left out', async () => {
    const [ofArm, ofList] = [about(other, 'of arm64'), about(both, 'of the list')];
    const tar = layoutTar(named('a/b:1', both), ofArm, ofList);
    const { referrers } = await run(tar, { platforms: [{ os: 'linux', architecture: 'amd64' }] });
    expect(referrers.map(({ state }) => state)).toEqual(['left-out', 'complete']);
    expect(await found(both)).toEqual([digest(ofList)]);
  });

  it('hangs what comes alone on what the store has, and takes nothing for a subject nobody has', async () => {
    await run(layoutTar(named('a/b:1', hello)));
    const result = await run(layoutTar(about(hello, 'late'), about(other, 'lost')));
    expect(result.images).toEqual([]);
    expect(result.referrers.map(({ state }) => state)).toEqual(['complete', 'left-out']);
    expect(await found(hello)).toEqual([digest(about(hello, 'late'))]);
  });

  it('does without what is absent or damaged, and says so', async () => {
    const [absent, damaged] = [about(hello, 'absent'), about(hello, 'damaged')];
    const text = blob('damaged', 'text/plain');
    const entries = layoutEntries(
      index(
        named('a/b:1', hello),
        hanging(hello, '.att', absent),
        damaged,
        hanging(hello, '.sbom', blob('nonsense', signature.descriptor.mediaType)),
      ),
    ).filter(({ name }) => name !== pathOf(absent) && name !== pathOf(text));
    // A stream is not kept from telling it by a document that it cannot read.
    const { images, referrers } = await run(tarOf(entries), { keepGoing: true });
    expect(images).toHaveLength(1);
    expect(referrers.map(({ state, missing }) => [state, missing])).toEqual([
      ['absent', [digest(absent)]],
      ['damaged', [digest(text)]],
      ['damaged', []],
    ]);
    expect(await found(hello)).toEqual([]);
  });

  it('changes nothing when it is repeated', async () => {
    const tar = layoutTar(named('a/b:1', hello), hanging(hello, '.sig', signature), about(hello, 'note'));
    await run(tar);
    const before = await listOf(store.content.list());
    expect((await run(tar)).blobs.written).toBe(0);
    expect(await listOf(store.content.list())).toEqual(before);
  });

  it('ends where referrers go round in circles', async () => {
    const loop = [hello, other].map((built, at) =>
      pointedTo(built, {
        annotations: { 'io.containerd.manifest.subject': digest(at === 0 ? other : hello) },
      }),
    );
    const { images, referrers } = await run(layoutTar(...loop));
    expect(images).toEqual([]);
    expect(referrers.map(({ state }) => state)).toEqual(['left-out', 'left-out']);
  });

  it('lets the attestation of a platform travel with it, and with no other', async () => {
    const attesting = (subject: Built) =>
      pointedTo(
        forPlatform(
          'unknown/unknown',
          manifest(blob('{}', OCI_EMPTY), blob(`provenance ${digest(subject)}`)),
        ),
        {
          annotations: {
            'vnd.docker.reference.type': 'attestation-manifest',
            'vnd.docker.reference.digest': digest(subject),
          },
        },
      );
    const image = index(
      forPlatform('linux/amd64', hello),
      forPlatform('linux/arm64', other),
      attesting(hello),
      attesting(other),
    );
    const { images } = await run(layoutTar(named('a/b:1', image)), {
      platforms: [{ os: 'linux', architecture: 'arm64' }],
    });
    expect(images[0]?.platforms.map(({ state }) => state)).toEqual(['left-out', 'complete']);
    for (const part of attesting(other).blobs.keys()) {
      expect(await store.content.stat({ digest: part })).toBeDefined();
    }
    const labels = Object.values((await store.content.info(digest(image)))?.labels ?? {});
    expect(labels).toContain(digest(attesting(other)));
    // Of a stream, what comes before its index is taken in, and goes when the lease does.
    if (form === 'from a file')
      expect(await store.content.stat({ digest: digest(layer('hello.txt', 'hello')) })).toBeUndefined();
  });
});
