import { ERROR_TABLE } from '../../errors.js';
import type { StoreFinding, StoreReport } from '../../backends/dir/index.js';
import type { CommandBody } from '../command.js';
import { countOf } from '../count.js';
import { binarySize } from '../units.js';

export type FsckFlags = {
  readonly repair?: boolean;
  readonly noHash?: boolean;
};

const run: CommandBody<FsckFlags, []> = async function ({ repair, noHash }) {
  const { root } = this.place();
  const { checkStore } = await import('../../backends/dir/fsck/check-store.js');
  const report = await this.withProgress(repair === true ? 'repairing' : 'checking', (onProgress) =>
    checkStore({ root, repair: repair === true, hash: noHash !== true, signal: this.signal, onProgress }),
  );
  if (this.output.json) await this.output.value(report);
  else await this.output.lines([...report.findings.map(findingLine), verdictLine(report)]);
  if (report.verdict === 'damaged') this.fail(ERROR_TABLE.CORRUPT.exit);
};

export default run;

function findingLine({ severity, code, where, message, hint, repaired }: StoreFinding): string {
  const line = `${repaired === undefined ? severity : 'repaired'} ${code} ${where}: ${message}`;
  if (repaired !== undefined) return `${line}; ${repaired}`;
  return hint === undefined ? line : `${line} (${hint})`;
}

function verdictLine({ verdict, blobs, damage, warnings, leftovers, repaired }: StoreReport): string {
  const counts = [
    `${countOf(blobs.count, 'blob')} of ${binarySize(blobs.bytes)}`,
    `${damage} damaged`,
    countOf(warnings, 'warning'),
    countOf(leftovers, 'leftover'),
    ...(repaired > 0 ? [`${repaired} repaired`] : []),
  ];
  return `${verdict}: ${counts.join(', ')}`;
}
