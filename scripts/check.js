// The one gate: types, lint, format, package. Prints each step's time and stops at the first that fails.
import { spawnSync } from 'node:child_process';

const steps = [
  ['types', 'npx', 'tsc', '--noEmit'],
  ['lint', 'npx', 'eslint', '--max-warnings', '0', '.'],
  ['format', 'npx', 'prettier', '--check', '--log-level', 'warn', '.'],
  ['build', 'node', 'scripts/build.js'],
  ['publint', 'npx', 'publint', '--strict'],
  ['attw', 'npx', 'attw', '--pack', '--profile', 'esm-only', '--quiet', '.'],
];

for (const [name, ...command] of steps) {
  const started = Date.now();
  const { status } = spawnSync(command[0], command.slice(1), {
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  console.log(`${status === 0 ? 'ok  ' : 'FAIL'} ${name} (${seconds} s)`);
  if (status !== 0) process.exit(status ?? 1);
}
