import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { describe, it } from 'vitest';

/** How a process of its own ends that runs `code` with `abortOnSignals` in scope. */
async function outcomeOf(code: string) {
  const { outputFiles } = await build({
    stdin: {
      contents: `import { abortOnSignals } from './exit.ts'; ${code}`,
      resolveDir: fileURLToPath(new URL('.', import.meta.url)),
    },
    bundle: true,
    write: false,
    format: 'cjs',
    platform: 'node',
  });
  return new Promise((resolve) => {
    execFile(process.execPath, ['-e', outputFiles[0]?.text ?? ''], (error, stdout) =>
      resolve({ status: error?.code ?? 0, stdout }),
    );
  });
}

describe('a command that gets a signal', () => {
  it('aborts; another one of the same moment, as `timeout` and `npx` send it, says the same', async () => {
    const code = `const signal = abortOnSignals();
      process.emit('SIGINT'); process.emit('SIGINT'); process.emit('SIGTERM');
      console.log(signal.reason.message);`;
    assert.deepEqual(await outcomeOf(code), { status: 0, stdout: 'interrupted\n' });
  });

  it('ends at once when it is asked again', async () => {
    const code = `abortOnSignals(); process.emit('SIGINT');
      setTimeout(() => { process.emit('SIGTERM'); console.log('went on'); }, 600);`;
    assert.deepEqual(await outcomeOf(code), { status: 143, stdout: '' });
  });
});
