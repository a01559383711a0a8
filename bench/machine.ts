import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What a reader has to know to compare the figures with others. */
export async function describeMachine(repository: string, folder: string): Promise<string[]> {
  const { version } = JSON.parse(await readFile(join(repository, 'package.json'), 'utf8')) as {
    version: string;
  };
  const all = cpus();
  const fileSystem = (await run('stat', ['-f', '-c', '%T', folder])).stdout.trim();
  const commit = await run('git', ['-C', repository, 'rev-parse', '--short', 'HEAD']).then(
    ({ stdout }) => `, commit ${stdout.trim()}`,
    () => '',
  );
  return [
    `${all.length} × ${all[0]?.model.trim() ?? 'unknown processor'}, ${(totalmem() / 1e9).toFixed(0)} GB of memory`,
    `Linux ${release()}, file system ${fileSystem}`,
    `stowage ${version}${commit}, Node ${process.version}`,
    `measured on ${new Date().toISOString().slice(0, 10)}`,
  ];
}
