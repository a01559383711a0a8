import { describe, expect, it } from 'vitest';
import { openMemoryStore } from '../backends/memory/index.js';
import { digestTag } from '../oci/digest-tag.js';
import { blob, config, index, layer, manifest, putImage, type Built } from '../testing/build-image.js';
import { allReferrersOf, referrerLabels, referrersOf } from './referrers.js';

const image = manifest(config(), layer('a', 'a'));
const about = (subject: Built, text: string) =>
  manifest(blob('{}', 'application/vnd.oci.empty.v1+json'), blob(text, 'text/plain'), {
    subject: subject.descriptor,
    artifactType: 'application/x-note',
    annotations: { note: text },
  });
const note = about(image, 'note');
const signature = about(note, 'signature');

async function storeWith(...all: readonly Built[]) {
  const { content } = openMemoryStore();
  for (const built of all) await putImage(content, built);
  const attach = async (subject: Built, referrer: Built, suffix?: '' | '.sig') =>
    content.setLabels(subject.descriptor.digest, referrerLabels(referrer.descriptor.digest, suffix));
  return { content, attach };
}

describe('referrersOf()', () => {
  it('finds what was recorded, described as the referrers API does', async () => {
    const { content, attach } = await storeWith(image, note);
    await attach(image, note);
    expect(await referrersOf(content, image.descriptor.digest)).toMatchObject([
      {
        subject: image.descriptor.digest,
        descriptor: {
          ...note.descriptor,
          artifactType: 'application/x-note',
          annotations: { note: 'note' },
        },
        document: { kind: 'manifest' },
      },
    ]);
    const [key] = Object.keys((await content.info(image.descriptor.digest))?.labels ?? {});
    const hex = note.descriptor.digest.slice('sha256:'.length);
    expect(key).toBe(`containerd.io/gc.ref.content.referrer.sha256.${hex.slice(0, 12)}`);
  });

  it('tells the tags by which something hangs on the subject', async () => {
    const list = index(note);
    const signed = manifest(config({ signed: true }), blob('sig'));
    const { content, attach } = await storeWith(image, list, signed);
    await attach(image, signed, '.sig');
    await attach(image, list, '');
    const tags = (await referrersOf(content, image.descriptor.digest)).map(({ tag }) => tag);
    const subject = image.descriptor.digest;
    expect(new Set(tags)).toEqual(
      new Set([digestTag({ subject, suffix: '.sig' }), digestTag({ subject, suffix: '' })]),
    );
  });

  it('leaves out what is not held, and knows none of a blob that is not held itself', async () => {
    const { content, attach } = await storeWith(image);
    await attach(image, note);
    expect(await referrersOf(content, image.descriptor.digest)).toEqual([]);
    expect(await referrersOf(content, note.descriptor.digest)).toEqual([]);
  });
});

describe('allReferrersOf()', () => {
  it('finds the signature of a bill of materials, and ends where referrers go round in circles', async () => {
    const { content, attach } = await storeWith(image, note, signature);
    await attach(image, note);
    await attach(note, signature);
    await attach(signature, note);
    const found = await allReferrersOf(content, [image.descriptor.digest]);
    expect(found.map(({ subject, descriptor }) => [subject, descriptor.digest])).toEqual([
      [image.descriptor.digest, note.descriptor.digest],
      [note.descriptor.digest, signature.descriptor.digest],
      [signature.descriptor.digest, note.descriptor.digest],
    ]);
  });

  it('looks at what a list of referrers lists', async () => {
    const list = index(note);
    const { content, attach } = await storeWith(image, list, signature);
    await attach(image, list, '');
    await attach(note, signature);
    const found = await allReferrersOf(content, [image.descriptor.digest]);
    expect(found.map(({ descriptor }) => descriptor.digest)).toEqual([
      list.descriptor.digest,
      signature.descriptor.digest,
    ]);
  });
});
