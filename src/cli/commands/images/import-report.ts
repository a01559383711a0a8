import type { Amount, ImportReport, ReportedImage } from '../../../archive/import-options.js';
import type { ReferrerReport } from '../../../archive/import-referrers.js';
import { binarySize } from '../../units.js';

const OUTCOMES: Readonly<Record<ReportedImage['outcome'], string>> = {
  created: 'new',
  moved: 'moves',
  unchanged: 'unchanged',
  skipped: 'skipped',
  conflict: 'taken',
  refused: 'refused',
};

/** What stands before the digest a name has, where it does not move away from it. */
const BEFORE: Partial<typeof OUTCOMES> = { skipped: 'but ', conflict: 'is  ' };

/** The plan of an import as lines for a person; names aside, none has more than 80 columns. */
export function formatReport({ images, referrers, write, held, leftOut }: ImportReport): string[] {
  const nothing = images.length === 0 ? ['no images'] : [];
  return [
    ...nothing,
    ...images.flatMap(imageLines),
    ...referrers.flatMap(referrerLines),
    ...amountLines([
      ['to write', write],
      ['in the store', held],
      ['left out', leftOut],
    ]),
  ];
}

function imageLines({ name, target, outcome, previous, platforms }: ReportedImage): string[] {
  const width = Math.max(0, ...platforms.map(({ platform }) => platformName(platform).length));
  return [
    `${name} (${OUTCOMES[outcome]})`,
    `  ${outcome === 'skipped' ? 'not ' : 'to  '} ${target.digest}`,
    ...(previous === undefined ? [] : [`  ${BEFORE[outcome] ?? 'from'} ${previous}`]),
    ...platforms.flatMap(({ platform, state, size, missing, attestations }) => [
      `  ${platformName(platform).padEnd(width)}  ${state.padEnd('complete'.length)}  ${sizeOf(state, size)}`.trimEnd() +
        attested(attestations.length),
      ...lacking(missing),
    ]),
  ];
}

function attested(count: number): string {
  return count === 0 ? '' : count === 1 ? ', with an attestation' : `, with ${count} attestations`;
}

/** What hangs on an image by a tag made of its digest, by the end of that tag. */
const KINDS: ReadonlyMap<string, string> = new Map([
  ['.sig', 'signature'],
  ['.att', 'attestation'],
  ['.sbom', 'bill of materials'],
  ['', 'list of referrers'],
]);

function referrerLines({
  digest,
  subject,
  artifactType,
  tag,
  state,
  missing,
  size,
  mediaType,
}: ReferrerReport) {
  const kind = tag === undefined ? undefined : KINDS.get(/\.[a-z]+$/.exec(tag)?.[0] ?? '');
  return [
    `${kind ?? 'referrer'} (${state}${state === 'absent' ? '' : `, ${binarySize(size)}`})`,
    ...(tag === undefined ? [`  type ${artifactType ?? mediaType}`] : []),
    `  is   ${digest}`,
    `  of   ${subject}`,
    ...lacking(missing),
  ];
}

function lacking(missing: readonly string[]): string[] {
  return missing.map((digest) => `  lacks ${digest}`);
}

/** The size of what is not there is of no interest: its manifest is all that is known of it. */
function sizeOf(state: string, size: number): string {
  return state === 'absent' ? '' : binarySize(size);
}

function platformName(platform: string | undefined): string {
  return platform ?? 'no platform';
}

function amountLines(rows: readonly (readonly [label: string, amount: Amount])[]): string[] {
  const cells = rows.map(([label, { blobs, bytes }]) => [
    label,
    `${blobs} ${blobs === 1 ? 'blob ' : 'blobs'}`,
    binarySize(bytes),
  ]);
  const width = (column: number) => Math.max(...cells.map((row) => row[column]?.length ?? 0));
  return cells.map(
    ([label = '', blobs = '', bytes = '']) =>
      `${label.padEnd(width(0))}  ${blobs.padStart(width(1))}  ${bytes.padStart(width(2))}`,
  );
}
