import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isStowageError } from '../../src/errors.js';
import { verifyArchive, type Finding, type VerifyReport } from '../../src/archive/index.js';

/**
 * The verdict on image archives that other projects keep as test data, against one that was reached by recomputing every
 * digest. They are not part of this repository: `CORPUS_DIR` says where they are.
 */
const corpus = resolve(process.env.CORPUS_DIR ?? '../shared/corpus');
const listing = join(corpus, 'INDEX.tsv');

const samples = existsSync(listing)
  ? readFileSync(listing, 'utf8')
      .trimEnd()
      .split('\n')
      .slice(1)
      .map((line) => line.split('\t'))
      .map(([path = '', format = '', , verdict = '']) => ({ path, format, verdict }))
      .filter(({ format }) => /OCI|docker|not-tar/.test(format))
  : [];

/** Samples that the listing calls sound, what is found in them, and why that is right. */
const unsound: Readonly<Record<string, readonly [code: string, message: RegExp]>> = {
  // The specification requires schemaVersion and manifests; the file is an empty object.
  'aquasecurity_trivy/pkg/fanal/test/testdata/test_no_valid_manifests.oci/': [
    'document-invalid',
    /it is missing/,
  ],
  // The one image lacks a layer; "partial" is said of what its platforms lack.
  'bazelbuild_rules_docker/container/go/pkg/oci/testdata/test_index5/': ['blob-missing', /is not there/],
  // Layers were replaced by a few bytes of text, with digests that fit; the diff IDs of the configurations do not.
  'containers_image/oci/layout/fixtures/delete_image_two_identical_references/': [
    'layer-digest',
    /unpacks to/,
  ],
  // Artifacts whose configuration is announced as that of an image, and has neither platform nor rootfs.
  'oras-project_oras/test/e2e/testdata/zot/command/artifacts/': ['document-invalid', /it is missing/],
  'regclient_regclient/testdata/testrepo/': ['document-invalid', /it is missing/],
};

type Outcome = VerifyReport | 'no archive';

async function verified(source: Parameters<typeof verifyArchive>[0], name?: string): Promise<Outcome> {
  try {
    return await verifyArchive(source, { archiveName: name });
  } catch (error) {
    if (!isStowageError(error, 'INVALID') && !isStowageError(error, 'UNSUPPORTED')) throw error;
    return 'no archive';
  }
}

function errorsOf(outcome: Outcome): readonly Finding[] {
  return outcome === 'no archive' ? [] : outcome.findings.filter(({ severity }) => severity === 'error');
}

describe.skipIf(samples.length === 0)('the verdict on archives of other projects (CORPUS_DIR)', () => {
  it.each(samples)('agrees: $path is $verdict', async ({ path, verdict }) => {
    const full = join(corpus, path);
    const outcome = await verified(full);
    const isSound = outcome !== 'no archive' && outcome.verdict === 'sound';
    const reason = unsound[path];
    if (reason !== undefined) {
      expect(isSound).toBe(false);
      expect(errorsOf(outcome)).toContainEqual(
        expect.objectContaining({ code: reason[0], message: expect.stringMatching(reason[1]) as string }),
      );
    } else {
      expect({ isSound, errors: errorsOf(outcome) }).toMatchObject({
        isSound: /^(?:valid|partial)/.test(verdict),
      });
    }
    if (isSound)
      expect(
        outcome.images.flatMap(({ platforms }) => platforms).every(({ state }) => state !== 'broken'),
      ).toBe(true);
    // From a pipe the same is said.
    if (!path.endsWith('/'))
      expect(await verified(createReadStream(full), JSON.stringify(full))).toEqual(outcome);
  });

  it('is about samples that are there', () => {
    const paths = samples.map(({ path }) => path);
    expect(Object.keys(unsound).filter((path) => !paths.includes(path))).toEqual([]);
  });
});
