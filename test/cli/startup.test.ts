import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { COMMAND, environment, Homes, run } from './world.js';

const homes = new Homes();
afterAll(() => homes.removeAll());

/** What takes Node longer to load than a short command takes for its work. */
const HEAVY = [
  '@photostructure/sqlite',
  'node:sqlite',
  'node:crypto',
  'node:fs/promises',
  'node:net',
  'node:perf_hooks',
  'node:stream',
  'node:tty',
  'node:worker_threads',
];

describe('a command that needs no store', () => {
  it.each([['version'], ['version', '--json'], ['--version'], ['--help'], ['images', 'import', '--help']])(
    'loads nothing heavy: stowage %s %s %s',
    async (...words) => {
      const { heavy } = await loadedBy(await homes.make(), words);
      expect(heavy).toEqual([]);
    },
  );
});

describe('a command that only looks', () => {
  it.each([['ls'], ['images', 'ls', '-q'], ['ls', '--json']])(
    'loads nothing but one file and SQLite: stowage %s %s %s',
    async (...words) => {
      const home = await homes.make();
      await run(home, ['import', 'example.org/team/one:latest', 'one.tar']);
      const { own, heavy } = await loadedBy(home, words);
      expect(own).toEqual(['stowage.js', 'start.js']);
      expect(heavy.filter((name) => !name.includes('sqlite'))).toEqual([]);
      expect(heavy).not.toEqual([]);
    },
  );

  it('loads nothing that writes when an archive is imported again, and nothing for other archives before', async () => {
    const home = await homes.make();
    const words = ['import', 'example.org/team/one:latest', 'one.tar'];
    const looking = ['stowage.js', 'start.js', 'import.js', 'open.js'];
    expect((await loadedBy(home, words)).own).toEqual([...looking, 'first.js', 'write.js']);
    expect((await loadedBy(home, words)).own).toEqual(looking);
    expect((await loadedBy(home, ['import', 'many.tar'])).own).toEqual([...looking, 'write.js']);
  });
});

/** Files of the command and heavy parts that a command loads, and does not need to tell of them. */
async function loadedBy(home: string, words: readonly string[]) {
  const tracer = join(home, 'tracer.cjs');
  await writeFile(tracer, TRACER);
  const { stderr, status } = spawnSync(process.execPath, ['--require', tracer, COMMAND, ...words], {
    cwd: home,
    env: environment(home),
    encoding: 'utf8',
  });
  expect(status, stderr).toBe(0);
  const loaded = stderr.split('\n').flatMap((line) => /^loaded (.*)/.exec(line)?.[1] ?? []);
  expect(loaded).toContain(COMMAND);
  return {
    own: loaded.filter((path) => dirname(path) === dirname(COMMAND)).map((path) => basename(path)),
    heavy: HEAVY.filter((name) => loaded.some((each) => each === name || each.includes(`/${name}/`))),
  };
}

/** Tells at the end what was loaded: files, and with its prefix every built-in module. */
const TRACER = `process.on('exit', () => {
  const builtIn = process.moduleLoadList.map((each) => each.replace('NativeModule ', 'node:'));
  for (const each of [...Object.keys(require.cache), ...builtIn]) require('node:fs').writeSync(2, 'loaded ' + each + '\\n');
});`;
