import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect } from 'vitest';
import { interop } from './sandbox.js';

/** Archives of other projects (`CORPUS_DIR`) that are sound: what is exported again is read by another tool. */
const corpus = resolve(process.env.CORPUS_DIR ?? '../shared/corpus');
const listing = join(corpus, 'INDEX.tsv');
const samples = existsSync(listing)
  ? readFileSync(listing, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'))
      .filter(
        ([, format = '', , verdict = '']) => /^(?:OCI|hybrid|docker)/.test(format) && /^valid/.test(verdict),
      )
      .map(([path = '']) => path)
  : [];

/** Without an image, whatever the index of the corpus says of it: its index states no version. */
const NO_INDEX = 'aquasecurity_trivy/pkg/fanal/test/testdata/test_no_valid_manifests.oci/';

describe.skipIf(samples.length === 0)('an archive of another project, imported and exported again,', () => {
  for (const path of samples.filter((sample) => sample !== NO_INDEX)) {
    interop(`is read by skopeo2 with the same digest: ${path}`, ['skopeo2'], async (box) => {
      const [first = ''] = (
        await box.sh(`stowage images import --on-conflict move '${join(corpus, path)}'`)
      ).split('\n');
      const [name = '', digest] = first.split(' ');
      if (name === '') return;
      await box.sh(`
        stowage images tag '${name}' example.org/again:latest
        stowage images export out.tar example.org/again:latest
        skopeo2 copy --quiet --all --preserve-digests oci-archive:out.tar:latest dir:copy`);
      expect(await box.sh('sha256sum <copy/manifest.json')).toBe(`${digest?.slice(7)}  -`);
    });
  }
});
