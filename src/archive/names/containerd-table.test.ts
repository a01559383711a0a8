import { expect } from 'vitest';
import { describeTable, type Case } from '../../../test/tables.js';
import { IMAGE_NAME, REF_NAME } from '../../oci/annotation.js';
import { openMemoryStore } from '../../backends/memory/index.js';
import { readBlob } from '../../content/read.js';
import { parseDescriptor, type Descriptor } from '../../oci/descriptor.js';
import { parseDocument } from '../../oci/manifest.js';
import { kindOf } from '../../oci/media-type.js';
import { blob } from '../../testing/build-image.js';
import { archiveNames } from './archive-names.js';

const entry = blob('entry', 'application/vnd.oci.image.manifest.v1+json').descriptor;
const list = blob('index', 'application/vnd.oci.image.index.v1+json').descriptor;
const annotationOf: Readonly<Record<string, string>> = { OCI: REF_NAME, containerd: IMAGE_NAME };

/** What containerd calls `NoAnnotation` is the index of the archive, everything else an entry of it. */
/** `image.WithDigestRef("registry.test/x", false, true)` as what it does here. */
function optionsOf(opts: readonly Case[] = []) {
  const [, kind, base, flags = ''] =
    /^image\.With(NamedPrefix|DigestRef)\("([^"]*)", ([a-z, ]+)\)$/.exec(String(opts[0]?.$go ?? '')) ?? [];
  const [overwrite, skipNamed] = flags.split(', ').map((flag) => flag === 'true');
  return {
    base,
    // A base that does not filter is the one that is made of the date when none is given.
    baseName: overwrite === true ? undefined : base,
    digests: kind === 'DigestRef',
    skipDigestForNamed: skipNamed === true,
  };
}

const parts = { config: entry, layers: [] };
const documentOf = (fields: object) => Buffer.from(JSON.stringify({ schemaVersion: 2, ...fields }));
const isIndexType = (mediaType: string) => kindOf(mediaType) === 'index';

describeTable('containerd-image-import.json', {
  withGo: ['TestTransferImport'],
  groups: {
    TestTransferImport: ({ Images, Opts }: Case) => {
      const [indexName = '', given = '', ...byDigest] = Images as string[];
      const { base, ...options } = optionsOf(Opts as Case[] | undefined);
      // "repository tag" stands for an entry that has only the tag.
      const [repository = '', tag] = given.split(' ');
      const annotations: Record<string, string> = given === '' ? {} : { [REF_NAME]: tag ?? given };
      const names = archiveNames(
        [{ ...entry, annotations }],
        list,
        { ...options, ...(indexName === '' ? {} : { indexName }), now: new Date(2026, 0, 5) },
        '"x.tar"',
      );
      const expected = [indexName, tag === undefined ? given : `${repository}:${tag}`, ...byDigest]
        .filter((name) => name !== '')
        .map((name) => name.replace('<manifest>', entry.digest).replace('<index>', list.digest))
        .map((name) =>
          options.baseName === undefined && base !== undefined
            ? name.replace(base, 'import-2026-01-05')
            : name,
        );
      expect(names.map(({ name }) => name).sort()).toEqual(expected.sort());
    },
    TestUseDescriptorData: async ({ desc, wantUse }: Case) => {
      const { Data, Size, Digest } = desc as { Data: string | null; Size: number; Digest?: string };
      const read = async () => {
        const descriptor = parseDescriptor(
          {
            mediaType: 'application/octet-stream',
            digest: Digest ?? '',
            size: Size,
            ...(Data === null ? {} : { data: Buffer.from(Data).toString('base64') }),
          },
          'descriptor',
        );
        return readBlob(openMemoryStore().content, descriptor);
      };
      // What is not used is looked for in the store, which is empty.
      await (wantUse === true
        ? expect(read()).resolves.toEqual(Buffer.from(Data ?? ''))
        : expect(read()).rejects.toMatchObject({ name: 'StowageError' }));
    },
    TestValidateMediaType: ({ mt, valid, invalid }: Case) => {
      const parse = (mediaType: string) =>
        parseDocument(
          documentOf({ mediaType, ...(isIndexType(mt as string) ? { manifests: [] } : parts) }),
          mt as string,
          'x',
        );
      for (const mediaType of valid as string[]) expect(() => parse(mediaType)).not.toThrow();
      for (const mediaType of invalid as string[]) expect(() => parse(mediaType)).toThrow(/is marked as/);
    },
    'TestValidateMediaType (2)': ({ mt, index }: Case) => {
      const parse = (isIndex: boolean) =>
        parseDocument(documentOf(isIndex ? { manifests: [] } : parts), mt as string, 'x');
      expect(() => parse(index as boolean)).not.toThrow();
      expect(() => parse(!(index as boolean))).toThrow(/is announced as/);
    },
    TestStore: ({ ImageStore, Annotations, ImageName, Images, Err }: Case) => {
      const [prefix] = (ImageStore.extraReferences ?? []) as Case[];
      // A base that does not filter is the one that is made of the date when none is given.
      const base = prefix === undefined || prefix.AllowOverwrite === true ? undefined : String(prefix.Name);
      for (const kind of Annotations as string[]) {
        const key = annotationOf[kind];
        const target: Descriptor =
          key === undefined ? entry : { ...entry, annotations: { [key]: ImageName } };
        const entries = kind === 'NoAnnotation' ? [] : [target];
        const names = () =>
          archiveNames(
            entries,
            list,
            {
              baseName: base,
              digests: prefix?.AddDigest === true,
              skipDigestForNamed: prefix?.SkipNamedDigest === true,
              indexName: ImageStore.imageName,
              now: new Date(2026, 0, 5),
            },
            '"x.tar"',
          );
        if (Err !== undefined) {
          expect(names).toThrow(expect.objectContaining({ code: 'INVALID' }));
          continue;
        }
        const of = kind === 'NoAnnotation' ? list : entry;
        const generated = 'import-2026-01-05';
        const expected = (Images as string[]).map((name) =>
          name.endsWith('@') ? `${base ?? generated}@${of.digest}` : name,
        );
        // The index gets a name by digest beside its entries, where containerd is asked about each by itself.
        const found = names().filter(({ target: { digest } }) => digest === of.digest);
        expect(found.map(({ name }) => name)).toEqual(expected);
      }
    },
  },
  decidedAgainst: {
    'TestUseDescriptorData[2]':
      'a descriptor without data carries none, not empty content: the store is asked',
    'TestTransferImport[1]':
      'an entry without any name gets one by its digest, also where the index is named: nothing is kept unnamed',
    'TestStore[9]':
      'without any reference nothing is named: here an entry without a name gets one by its digest',
    'TestStore[12]': 'further names of an index are given with tag, after the import',
    TestLookup: 'a name means one image here, and exports list theirs',
    TestAppendDistributionLabel: 'not about names of archives: it comes with registries',
    TestGetRepoDigestAndTag: 'not about names of archives: it comes with registries',
    TestGetSupportedPlatform: 'not about names: archives are not unpacked',
  },
});
