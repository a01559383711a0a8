import { describe, expect, it } from 'vitest';
import { describeTable, type Case } from '../../test/tables.js';
import { isStowageError } from '../errors.js';
import { parseJson } from './json.js';
import { deviationsOf, isTimestamp, type SpecDocument } from './spec-rules.js';

/** Whether a document of the table passes: it is JSON, and there is nothing to say about it. */
function passes(kind: SpecDocument, text: string): boolean {
  try {
    return deviationsOf(kind, parseJson(Buffer.from(text), kind)).length === 0;
  } catch (error) {
    if (isStowageError(error, 'INVALID')) return false;
    throw error;
  }
}

const column = (kind: SpecDocument, name: string) => (row: Case) => {
  expect(passes(kind, row[name])).toBe(row['fail'] !== true);
};

describeTable('image-spec-schema.json', {
  groups: {
    TestConfig: column('config', 'config'),
    TestDescriptor: column('descriptor', 'descriptor'),
    TestImageIndex: column('index', 'imageIndex'),
    TestImageLayout: column('layout', 'imageLayout'),
    TestManifest: column('manifest', 'manifest'),
    TestBackwardsCompatibilityImageIndex: column('index', 'imageIndex'),
    TestBackwardsCompatibilityManifest: column('manifest', 'manifest'),
    TestBackwardsCompatibilityConfig: column('config', 'config'),
  },
  decidedAgainst: {
    TestChainID: 'not about documents: chain IDs name unpacked layers, and nothing here unpacks any',
  },
});

describe('deviationsOf', () => {
  it('names every place that is wrong, not only the first', () => {
    const found = deviationsOf('index', {
      schemaVersion: 1,
      manifests: [{ mediaType: 'x', digest: 'sha256:', size: 1.5 }, 'no'],
    });
    expect(found.map(({ path }) => path)).toEqual([
      'schemaVersion',
      'manifests[0].mediaType',
      'manifests[0].digest',
      'manifests[0].size',
      'manifests[1]',
    ]);
    expect(found[3]?.problem).toBe('manifests[0].size must be a whole number of bytes, not 1.5');
  });

  it('only recommends that a manifest has layers', () => {
    const config = { mediaType: 'a/b', digest: `sha256:${'0'.repeat(64)}`, size: 2 };
    expect(deviationsOf('manifest', { schemaVersion: 2, config, layers: [] })).toMatchObject([
      { path: 'layers', level: 'recommended' },
    ]);
  });

  it('judges keys of maps by their values, whatever their names', () => {
    const config = {
      architecture: 'amd64',
      os: 'linux',
      rootfs: { type: 'layers', diff_ids: [] },
      config: { Labels: { toString: 1, fine: 'yes' } },
    };
    expect(deviationsOf('config', config)).toMatchObject([
      { problem: 'config.Labels.toString must be a string, not 1' },
    ]);
  });

  it.each(['2015-10-31T22:22:56.015925234Z', '2016-12-31T23:59:60Z', '2020-02-29t00:00:00+05:30'])(
    'takes %s for a time',
    (text) => expect(isTimestamp(text)).toBe(true),
  );

  it.each(['2015-10-31', '2015-13-31T22:22:56Z', '2015-10-31 22:22:56Z', '2015-10-31T22:22:56', 'yesterday'])(
    'does not take %s for a time',
    (text) => expect(isTimestamp(text)).toBe(false),
  );
});
