import type { ManifestState } from '../../../content/completeness.js';
import { compileFilters } from '../../../content/filter.js';
import { checkImages, type ImageCheck } from '../../../images/check.js';
import { imageFields } from '../../../images/filter-fields.js';
import type { ImageRecord, Store } from '../../../images/store.js';
import { formatPlatform } from '../../../oci/platform-specifier.js';
import type { CommandBody } from '../../command.js';
import { EXIT } from '../../exit.js';
import { formatTable } from '../../table.js';
import { binarySize } from '../../units.js';

export type CheckFlags = {
  readonly quiet?: boolean;
  readonly snapshotter?: string;
};

const HEADER = ['REF', 'TYPE', 'DIGEST', 'STATUS', 'SIZE', 'PLATFORMS'];

/** Of a manifest, in the words of this command. */
const STATES = { complete: 'complete', damaged: 'incomplete', absent: 'missing' } as const;

const run: CommandBody<CheckFlags, string[]> = async function (flags, ...filters) {
  const matches = compileFilters(filters);
  const { signal } = this;
  const checks = await this.withStore('read', async (store) => {
    const found: ImageCheck[] = [];
    for await (const check of checkImages(store, matching(store, matches, signal), { signal })) {
      if (check.problem !== undefined) {
        this.output.warn(`image ${JSON.stringify(check.record.name)}: ${check.problem.message}`);
      }
      found.push(check);
    }
    return found;
  });
  if (checks.some(({ status }) => status !== 'complete')) this.fail(EXIT.unsound);
  if (flags.quiet === true) {
    const names = checks.flatMap(({ status, record }) => (status === 'complete' ? [record.name] : []));
    return this.output.json ? this.output.value(names) : this.output.lines(names);
  }
  if (this.output.json) return this.output.value(checks.map(toJson));
  await this.output.text(formatTable([HEADER, ...checks.map(toRow)]));
};

export default run;

async function* matching(
  { images }: Store,
  matches: ReturnType<typeof compileFilters>,
  signal: AbortSignal,
): AsyncGenerator<ImageRecord> {
  for await (const record of images.list({ signal })) if (matches(imageFields(record))) yield record;
}

function toRow(check: ImageCheck): string[] {
  const { name, target } = check.record;
  const platforms = shownManifests(check).map(
    (manifest) => `${platformOf(manifest) ?? '-'} ${STATES[manifest.state]}`,
  );
  return [name, target.mediaType, target.digest, ...amounts(check), platforms.join(', ') || '-'];
}

function amounts({ status, present, required }: ImageCheck): [status: string, size: string] {
  switch (status) {
    case 'error':
      return [status, '-'];
    case 'unavailable':
      return [`${status} (0/?)`, `${binarySize(0)}/?`];
    default:
      return [
        `${status} (${present.blobs}/${required.blobs})`,
        `${binarySize(present.bytes)}/${binarySize(required.bytes)}`,
      ];
  }
}

/** What is about something else, such as an attestation, has no platform, and is of interest only where it is all. */
function shownManifests({ manifests }: ImageCheck): readonly ManifestState[] {
  const some = manifests.filter(({ platform }) => platform !== undefined);
  return some.length > 0 ? some : manifests;
}

function toJson({ record, status, required, present, manifests, problem }: ImageCheck) {
  return {
    name: record.name,
    target: record.target,
    status,
    required,
    present,
    platforms: manifests.map((manifest) => ({
      ...(manifest.platform && { platform: platformOf(manifest) }),
      digest: manifest.descriptor.digest,
      state: STATES[manifest.state],
      missing: manifest.missing.map(({ mediaType, digest, size }) => ({ mediaType, digest, size })),
    })),
    ...(problem && { error: { code: problem.code, message: problem.message } }),
  };
}

function platformOf({ platform }: ManifestState): string | undefined {
  return platform && formatPlatform(platform);
}
