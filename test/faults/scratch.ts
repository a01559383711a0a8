import { access, constants, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A new folder, in memory where there is a file system for that: nothing in it has to be durable. */
export async function scratchFolder(): Promise<string> {
  const memory = await access('/dev/shm', constants.W_OK).then(
    () => '/dev/shm',
    () => tmpdir(),
  );
  return mkdtemp(join(memory, 'stowage-faults-'));
}
