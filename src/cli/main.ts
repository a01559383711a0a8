#!/usr/bin/env node
/** Entry of the command `stowage`. What needs nothing is answered before anything else is loaded. */
import { writeSync } from 'node:fs';
import { versionLines } from './version.js';

function isAnswered([word, ...more]: readonly string[]): boolean {
  if (word !== 'version' || more.length > 0) return false;
  const text = versionLines().join('\n');
  try {
    // One short line that nothing else has to wait for.
    // eslint-disable-next-line no-restricted-syntax
    writeSync(1, `${text}\n`);
    return true;
  } catch {
    // A pipe that is full or closed: the command itself knows what to do about it.
    return false;
  }
}

if (!isAnswered(process.argv.slice(2))) {
  void import('./command-line.js').then(({ runProcess }) => runProcess());
}
