// Writes something else over a file, durably and in one step: `node spoiler.js FILE`.
import { closeSync, fchmodSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

const file = process.argv[2] ?? '';
const other = openSync(`${file}.other`, 'w', 0o644);
writeSync(other, 'not what it was');
fchmodSync(other, 0o444);
fsyncSync(other);
closeSync(other);
renameSync(`${file}.other`, file);
const folder = openSync(dirname(file), 'r');
fsyncSync(folder);
closeSync(folder);
