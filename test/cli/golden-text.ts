import type { Outcome } from './world.js';

/** What differs from run to run and from machine to machine is replaced. */
export function golden(title: string, { stdout, stderr, status }: Outcome, home: string): string {
  const text = `$ ${`stowage ${title}`.trimEnd()}\n[exit ${status}]\n--- stdout\n${ended(stdout)}--- stderr\n${stderr}`;
  return text
    .replaceAll(home, '<home>')
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, '<time>')
    .replaceAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '<uuid>')
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, '<second>')
    .replaceAll(/import-\d{4}-\d\d-\d\d/g, 'import-<date>')
    .replaceAll(/(?:Less than a second|\d+ seconds?)\t+/g, '<age>\t')
    .replaceAll(/\t{3,}/g, '\t...')
    .replaceAll(process.version, '<node>')
    .replaceAll(`${process.platform}/${process.arch}`, '<platform>');
}

function ended(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n(no end of line)\n`;
}
