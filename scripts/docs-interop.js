// Writes docs/interop.md from a run of the interop matrix. Needs a build, root and the tools that .ci/run installs.
import { spawnSync } from 'node:child_process';

const { status } = spawnSync(
  'npx',
  ['vitest', 'run', '--config', 'vitest.interop.config.ts', 'test/interop/matrix.test.ts'],
  {
    stdio: 'inherit',
    cwd: new URL('..', import.meta.url),
    env: { ...process.env, STOWAGE_REQUIRE_TOOLS: '1', STOWAGE_INTEROP_PAGE: 'write' },
  },
);
process.exitCode = status ?? 1;
