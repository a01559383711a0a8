import { spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { COMMAND, environment, Homes } from './world.js';

const homes = new Homes();
afterAll(() => homes.removeAll());

/** Packages that cost more to load than such a command takes: the database and the checks of foreign JSON. */
const HEAVY = ['@photostructure/sqlite', 'node:sqlite', 'valibot', 'backends/dir'];

describe('a command that needs no store', () => {
  it.each([
    ['version'],
    ['version', '--json'],
    ['--version'],
    ['--help'],
    ['images', 'import', '--help'],
    ['nonsense'],
  ])('loads nothing heavy: stowage %s %s %s', async (...words) => {
    expect(await loadedBy(words)).toEqual([]);
  });

  it('is the exception: a list loads what stores need', async () => {
    expect(await loadedBy(['ls'])).toContain('backends/dir');
  });
});

/** Which of the heavy parts a command loads: the bundler names in each chunk the files that are in it. */
async function loadedBy(words: readonly string[]): Promise<string[]> {
  const home = await homes.make();
  const tracer = join(home, 'tracer.cjs');
  await writeFile(tracer, TRACER);
  const { stderr } = spawnSync(process.execPath, ['--require', tracer, COMMAND, ...words], {
    cwd: home,
    env: environment(home),
    encoding: 'utf8',
  });
  const loaded = stderr.split('\n').flatMap((line) => /^loaded (.*)/.exec(line)?.[1] ?? []);
  expect(loaded).toContain(COMMAND);
  const texts = await Promise.all(
    loaded.filter((path) => /\.c?js$/.test(path)).map((path) => readFile(path, 'utf8')),
  );
  const files = texts.flatMap((text) => [...text.matchAll(/^\/\/ (\S+\.m?js)$/gm)].map(([, file]) => file!));
  return HEAVY.filter((name) => [...loaded, ...files].some((each) => each.includes(name)));
}

/** Tells at the end what was loaded: files, and with its prefix every built-in module. */
const TRACER = `process.on('exit', () => {
  const builtIn = process.moduleLoadList.map((each) => each.replace('NativeModule ', 'node:'));
  for (const each of [...Object.keys(require.cache), ...builtIn]) require('node:fs').writeSync(2, 'loaded ' + each + '\\n');
});`;
