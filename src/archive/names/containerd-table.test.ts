import { expect } from 'vitest';
import { describeTable, type Case } from '../../../test/tables.js';
import { IMAGE_NAME, REF_NAME } from '../../oci/annotation.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { blob } from '../../testing/build-image.js';
import { archiveNames } from './archive-names.js';

const entry = blob('entry', 'application/vnd.oci.image.manifest.v1+json').descriptor;
const list = blob('index', 'application/vnd.oci.image.index.v1+json').descriptor;
const annotationOf: Readonly<Record<string, string>> = { OCI: REF_NAME, containerd: IMAGE_NAME };

/** What containerd calls `NoAnnotation` is the index of the archive, everything else an entry of it. */
describeTable('containerd-image-import.json', {
  groups: {
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
    'TestStore[9]':
      'without any reference nothing is named: here an entry without a name gets one by its digest',
    'TestStore[12]': 'further names of an index are given with tag, after the import',
    TestLookup: 'a name means one image here, and exports list theirs',
    TestTransferImport: 'its options are Go code that was not evaluated; its rules are those of TestStore',
    TestUseDescriptorData: 'not about names: tests of readBlob() and inlineData() hold it',
    TestValidateMediaType: 'not about names: tests of parseDocument() hold it',
    'TestValidateMediaType (2)': 'not about names: tests of parseDocument() hold it',
    TestAppendDistributionLabel: 'not about names of archives: it comes with registries',
    TestGetRepoDigestAndTag: 'not about names of archives: it comes with registries',
    TestGetSupportedPlatform: 'not about names: archives are not unpacked',
  },
});
