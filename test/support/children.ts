/** Processes of their own that work on a store with the code as it is in `src/` now, whether or not it has been built. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { afterAll } from 'vitest';

/** What children import, as URLs. */
export interface ChildLibrary {
  /** `openStore` of the dir backend. */
  readonly store: string;
  readonly sqlite: string;
}

let built: Promise<ChildLibrary> | undefined;

/** Made once a test file, and removed at its end. */
export function childLibrary(): Promise<ChildLibrary> {
  built ??= bundle();
  return built;
}

async function bundle(): Promise<ChildLibrary> {
  const folder = await mkdtemp(join(tmpdir(), 'stowage-children-'));
  afterAll(() => rm(folder, { recursive: true }));
  const outfile = join(folder, 'library.mjs');
  const sqlite = pathToFileURL(createRequire(import.meta.url).resolve('@photostructure/sqlite')).href;
  // Where packages are looked for from there.
  await symlink(fileURLToPath(new URL('../../node_modules', import.meta.url)), join(folder, 'node_modules'));
  await build({
    entryPoints: [fileURLToPath(new URL('../../src/backends/dir/open-store.ts', import.meta.url))],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    external: ['@photostructure/sqlite'],
  });
  return { store: pathToFileURL(outfile).href, sqlite };
}

/** A process that runs `code` with `openStore`, `root` and `say` (a line of output) in scope. */
export function runChild({ store }: ChildLibrary, root: string, code: string) {
  const text = `import { openStore } from ${JSON.stringify(store)};
    const root = process.argv[1]; const say = (text) => process.stdout.write(text + '\\n'); ${code}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', text, root], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let output = '';
  let errors = '';
  const firstLine = new Promise<string>((resolve) => {
    child.stdout.on('data', (data) => {
      output += String(data);
      if (output.includes('\n')) resolve(output.slice(0, output.indexOf('\n')));
    });
    child.stdout.on('end', () => resolve(output));
  });
  child.stderr.on('data', (data) => (errors += String(data)));
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, output, errors }));
  return { child, firstLine, ended };
}

export type Child = ReturnType<typeof runChild>;

/** What a child printed that was to succeed without a word on standard error. */
export async function succeeds(process: Child): Promise<string> {
  const { code, output, errors } = await process.ended;
  assert.equal(errors, '');
  assert.equal(code, 0);
  return output.trim();
}

export async function killed(process: Child): Promise<void> {
  process.child.kill('SIGKILL');
  assert.equal((await process.ended).signal, 'SIGKILL');
}
