import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/**
 * Other people's tools, and how each says its version. A name with a 2 is a newer release of the same tool, set up
 * beside the distribution's; those see nothing of the machine but /tmp. `docker20` is the distribution's Docker where it
 * is of version 20.10, the last that knew nothing of OCI layouts: `docker20` and `dockerd20` are its two programs.
 */
export const TOOLS = {
  busybox: ['busybox'],
  umoci: ['umoci', '--version'],
  umoci2: ['umoci2', '--version'],
  skopeo: ['skopeo', '--version'],
  skopeo2: ['skopeo2', '--version'],
  crane: ['crane', 'version'],
  oras: ['oras', 'version'],
  containerd: ['containerd', '--version'],
  ctr: ['ctr', '--version'],
  ctr2: ['ctr2', '--version'],
  docker2: ['docker2', '--version'],
  docker20: ['docker20', '--version'],
  podman: ['podman', '--version'],
  buildah: ['buildah', '--version'],
} as const;

export type ToolName = keyof typeof TOOLS;
export const TOOL_NAMES = Object.keys(TOOLS) as ToolName[];

/** What was found of a tool: its version, or why it cannot be used. */
export type Found = { readonly version: string } | { readonly missing: string };

/** With STOWAGE_REQUIRE_TOOLS=1 a missing tool is a failure instead of a reason to skip. */
export const toolsRequired = process.env['STOWAGE_REQUIRE_TOOLS'] === '1';

const run = promisify(execFile);

/** These mount, own files of others or speak to a daemon of root's. */
const NEED_ROOT: ReadonlySet<ToolName> = new Set([
  'umoci',
  'umoci2',
  'skopeo2',
  'crane',
  'oras',
  'containerd',
  'ctr',
  'ctr2',
  'docker2',
  'docker20',
  'podman',
  'buildah',
]);

/** Asks a tool for its version. Anything but its absence is a real failure of the machine and is reported as such. */
export async function findTool(name: ToolName): Promise<Found> {
  const [command, ...args] = TOOLS[name];
  if (NEED_ROOT.has(name) && process.getuid?.() !== 0) return { missing: 'needs root' };
  try {
    const { stdout, stderr } = await run(command, args, { timeout: 30_000 });
    const lines = `${stdout}\n${stderr}`.split('\n');
    const line = lines.find((text) => /\d+\.\d+/.test(text));
    return { version: line?.trim() ?? 'of unknown version' };
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'not in PATH' : String(error);
    return { missing: reason.split('\n')[0] ?? reason };
  }
}

/** Why a test cannot run, or undefined if every tool it needs is there. */
export function whyNot(
  needs: readonly ToolName[],
  found: Readonly<Record<ToolName, Found>>,
): string | undefined {
  const reasons = needs.flatMap((name) => {
    const tool = found[name];
    return 'missing' in tool ? [`${name}: ${tool.missing}`] : [];
  });
  return reasons.length === 0 ? undefined : `needs ${reasons.join('; ')}`;
}
