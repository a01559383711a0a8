import type { Finding, VerifiedImage, VerifiedPlatform, VerifyReport } from '../../archive/verify/report.js';
import { verifyArchive } from '../../archive/verify/verify-archive.js';
import type { CommandBody } from '../command.js';
import { countOf } from '../count.js';
import { EXIT } from '../exit.js';
import { archiveFromStandardInput } from '../stdio.js';
import { binarySize } from '../units.js';

export type VerifyFlags = {
  readonly require?: 'present' | 'all';
  readonly quiet?: boolean;
};

const run: CommandBody<VerifyFlags, [string]> = async function ({ require, quiet }, input) {
  const source = input === '-' ? archiveFromStandardInput('verify') : input;
  const archiveName = input === '-' ? 'standard input' : undefined;
  const report = await this.withProgress('verifying', (onProgress) =>
    verifyArchive(source, { require, archiveName, signal: this.signal, onProgress }),
  );
  if (this.output.json) await this.output.value(report);
  else await this.output.lines(quiet === true ? [report.verdict] : linesOf(report));
  if (report.verdict !== 'sound') this.fail(EXIT.unsound);
};

export default run;

function linesOf(report: VerifyReport): string[] {
  return [
    ...report.images.flatMap((image) =>
      image.platforms.filter(isShown).map((platform) => platformLine(image, platform)),
    ),
    ...report.findings.filter(isNews).map(findingLine),
    verdictLine(report),
  ];
}

/** What attests an absent platform is hardly ever there without it. */
function isShown({ attests, state }: VerifiedPlatform): boolean {
  return attests === undefined || state !== 'absent';
}

const WORDS = { sound: 'ok', broken: 'broken', absent: 'absent' } as const;

function platformLine({ name, subject }: VerifiedImage, entry: VerifiedPlatform): string {
  const { platform, digest, state, attests } = entry;
  const kind = attests !== undefined ? 'attestation' : subject !== undefined ? 'referrer' : '-';
  return [WORDS[state], platform ?? kind, digest, ...(name === undefined ? [] : [name])].join(' ');
}

/** That a platform is absent is in its own line already. */
function isNews({ severity, code }: Finding): boolean {
  return severity !== 'note' || code !== 'platform-absent';
}

function findingLine({ severity, code, where, message, hint }: Finding): string {
  return `${severity} ${code} ${where}: ${message}${hint === undefined ? '' : ` (${hint})`}`;
}

function verdictLine({ verdict, images, blobs, errors, warnings, notes }: VerifyReport): string {
  const counts = [
    countOf(images.length, 'image'),
    `${countOf(blobs.count, 'blob')} of ${binarySize(blobs.bytes)}`,
    countOf(errors, 'error'),
    countOf(warnings, 'warning'),
    countOf(notes, 'note'),
  ];
  return `${verdict}: ${counts.join(', ')}`;
}
