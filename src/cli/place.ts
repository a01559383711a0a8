import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { StowageError } from '../errors.js';
import type { Globals } from './globals.js';
import { usageError } from './usage-error.js';

/** Which store a command works on. */
export interface Place {
  /** Absolute. */
  readonly root: string;
  readonly namespace: string;
}

/**
 * Flags first, then the environment: `STOWAGE_ROOT`, then `CONTAINERD_ADDRESS`, then `XDG_DATA_HOME/stowage`, then
 * `~/.local/share/stowage`. Empty variables count as unset, and so does an XDG path that is not absolute (the base
 * directory specification says to ignore it).
 *
 * @throws {StowageError} INVALID if both a root and an address are asked for; UNSUPPORTED for an address, which is
 *   never silently replaced by another store.
 */
export function findPlace(
  globals: Pick<Globals, 'root' | 'namespace' | 'address'>,
  env: NodeJS.ProcessEnv,
): Place {
  if (globals.root !== undefined && globals.address !== undefined) {
    throw usageError('--root and --address name two different stores, give one of them');
  }
  const root = globals.root ?? (globals.address === undefined ? env['STOWAGE_ROOT'] || undefined : undefined);
  if (root === undefined) {
    if (globals.address !== undefined) throw noContainerd(globals.address, 'leave --address out');
    const address = env['CONTAINERD_ADDRESS'];
    if (address) throw noContainerd(address, 'unset CONTAINERD_ADDRESS, or say --root DIR');
  }
  return {
    root: resolve(root ?? join(dataHome(env), 'stowage')),
    namespace: globals.namespace ?? (env['CONTAINERD_NAMESPACE'] || 'default'),
  };
}

function dataHome(env: NodeJS.ProcessEnv): string {
  const xdg = env['XDG_DATA_HOME'];
  return xdg?.startsWith('/') ? xdg : join(env['HOME'] || homedir(), '.local', 'share');
}

function noContainerd(address: string, instead: string): StowageError {
  return new StowageError(
    'UNSUPPORTED',
    `Cannot use the containerd at ${JSON.stringify(address)}: this version works on a directory of its own only`,
    { hint: `${instead} to use the local store`, detail: { address } },
  );
}
