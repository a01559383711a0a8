import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';

it('The reference in docs/cli says what the command definitions say', () => {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/docs-cli.js', '--check'], {
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});
