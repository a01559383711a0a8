import { arch, endianness, machine, platform, release } from 'node:os';
import { StowageError } from '../errors.js';
import type { Platform } from './platform.js';

/** The platform of this machine. */
export function hostPlatform(): Platform {
  const os = OPERATING_SYSTEMS[platform()] ?? platform();
  const architecture = hostArchitecture();
  return {
    architecture,
    os,
    ...(os === 'windows' ? { 'os.version': release() } : {}),
    ...hostVariant(architecture),
  };
}

/**
 * The variant of an ARM processor by the name its kernel gives the machine: `armv7l` is `v7`, `aarch64` is `v8`,
 * `unknown` for versions that have none.
 *
 * @throws {StowageError} INVALID if it is not the name of an ARM machine.
 */
export function armVariant(machineName: string): string {
  const name = machineName.toLowerCase();
  if (name === 'aarch64') return 'v8';
  const version = /^armv(.)/.exec(name)?.[1];
  if (version === undefined) {
    throw new StowageError(
      'INVALID',
      `Cannot tell the variant of ${JSON.stringify(machineName)}: it is not ARM`,
    );
  }
  return /[3-8]/.test(version) ? `v${version}` : 'unknown';
}

const OPERATING_SYSTEMS: Partial<Record<NodeJS.Platform, string>> = { win32: 'windows', sunos: 'solaris' };

const ARCHITECTURES: Partial<Record<string, string>> = { x64: 'amd64', ia32: '386', mipsel: 'mipsle' };

function hostArchitecture(): string {
  const name = arch();
  // Node has one name for both byte orders.
  if (name === 'ppc64') return endianness() === 'LE' ? 'ppc64le' : 'ppc64';
  return ARCHITECTURES[name] ?? name;
}

function hostVariant(architecture: string): { variant?: string } {
  if (architecture === 'arm64') return { variant: 'v8' };
  if (architecture !== 'arm') return {};
  // A 32-bit Node runs on 64-bit kernels too, where anything up to v8 is true.
  const name = machine();
  return /^(?:aarch64|armv)/i.test(name) ? { variant: armVariant(name) } : {};
}
