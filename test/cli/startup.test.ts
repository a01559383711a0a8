import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { COMMAND, environment, Homes } from './world.js';

const homes = new Homes();
afterAll(() => homes.removeAll());

/** Packages that cost more to load than such a command takes: the database and the checks of foreign JSON. */
const HEAVY = ['@photostructure/sqlite', 'node:sqlite', 'valibot', 'backends/dir'];

describe('a command that needs no store', () => {
  it.each([['version'], ['--version'], ['--help'], ['images', 'import', '--help'], ['nonsense']])(
    'loads nothing heavy: stowage %s %s %s',
    async (...words) => {
      expect(await loadedBy(words)).toEqual([]);
    },
  );

  it('is the exception: a list loads what stores need', async () => {
    expect(await loadedBy(['ls'])).toEqual(expect.arrayContaining(['valibot', 'backends/dir']));
  });
});

/** Which of the heavy parts a command loads: the bundler names in each chunk the files that are in it. */
async function loadedBy(words: readonly string[]): Promise<string[]> {
  const home = await homes.make();
  const { stderr } = spawnSync(process.execPath, ['--experimental-loader', tracer(), COMMAND, ...words], {
    cwd: home,
    env: { ...environment(home), NODE_NO_WARNINGS: '1' },
    encoding: 'utf8',
  });
  const urls = stderr.split('\n').flatMap((line) => /^loaded (.*)/.exec(line)?.[1] ?? []);
  expect(urls.length).toBeGreaterThan(1);
  const chunks = urls.filter((url) => url.startsWith('file:'));
  const texts = await Promise.all(chunks.map((url) => readFile(new URL(url), 'utf8')));
  const files = texts.flatMap((text) => [...text.matchAll(/^\/\/ (\S+\.m?js)$/gm)].map(([, file]) => file!));
  return HEAVY.filter((name) => [...urls, ...files].some((loaded) => loaded.includes(name)));
}

/** A module loader that tells what is loaded. */
function tracer(): string {
  const source = `import { writeSync } from 'node:fs';
export async function load(url, context, next) { writeSync(2, 'loaded ' + url + '\\n'); return next(url, context); }`;
  return `data:text/javascript,${encodeURIComponent(source)}`;
}
