/** Those who take part in several kinds of work. */
import { ctr, emptyNamespace } from './containerd.js';
import { quoted, type StowageCommand } from './stowage-command.js';
import type { Contestant } from './work.js';

/** The image's name wherever it has one. */
export const NAME = 'bench.example/four-layers:latest';

/** Whether a contestant begins with nothing, or has done the same before. */
export type Start = 'empty' | 'held';

/** What must be done for an import or an export of a file: its bytes have to get to the disk, and be hashed. */
export const floorsOf = (path: string): Contestant[] => [
  {
    name: 'dd',
    role: 'floor',
    before: 'rm -f copy',
    run: ['dd', `if=${path}`, 'of=copy', 'bs=1M', 'conv=fdatasync'],
    check: `[ "$(stat -Lc %s copy)" = "$(stat -Lc %s '${path}')" ]`,
  },
  hashing(path),
];

export const hashing = (path: string): Contestant => ({
  name: 'openssl',
  role: 'floor',
  run: ['openssl', 'dgst', '-sha256', path],
  check: 'true',
});

/** What no command of stowage can do without. */
export const startOfNode = (node: string = process.execPath): Contestant => ({
  name: 'node -e 0',
  role: 'floor',
  run: [node, '-e', '0'],
  check: 'true',
});

/** An import of `words` that makes an image {@link NAME}, of that digest where it is known. */
export function stowageImport(
  stowage: StowageCommand,
  words: readonly string[],
  { start = 'empty', digest }: { readonly start?: Start; readonly digest?: string } = {},
): Contestant {
  const root = (...args: string[]) => stowage('--root', 'root', ...args);
  const run = root('images', 'import', ...words);
  return {
    name: 'stowage',
    role: 'stowage',
    ...(start === 'empty' ? { before: 'rm -rf root' } : { prepare: quoted(run) }),
    run,
    check:
      digest === undefined
        ? `${quoted(root('images', 'ls', '-q'))} | grep -xF '${NAME}' >/dev/null`
        : `${quoted(root('images', 'ls'))} | grep -F '${digest}' | grep -F '${NAME}' >/dev/null`,
  };
}

/** A copy of an archive, such as `oci-archive:PATH:TAG`, into a layout. */
export function skopeoCopy(
  from: string,
  { start = 'empty', digest }: { readonly start?: Start; readonly digest?: string } = {},
): Contestant {
  const run = ['skopeo2', 'copy', '--quiet', from, 'oci:layout:latest'];
  return {
    name: 'skopeo2',
    role: 'peer',
    needs: ['skopeo2'],
    ...(start === 'empty' ? { before: 'rm -rf layout' } : { prepare: quoted(run) }),
    run,
    check: digest === undefined ? '[ -s layout/index.json ]' : `grep -qF '${digest}' layout/index.json`,
  };
}

/** The words of an import by containerd; it adds the tag that the archive has, which is `latest`. */
export const ctrImport = (
  namespace: string,
  flags: readonly string[],
  path: string,
  name = NAME,
): readonly string[] => [
  ...[...ctr(namespace), 'images', 'import', ...flags, '--no-unpack'],
  ...['--base-name', name.replace(/:latest$/, ''), path],
];

/** Whether a namespace of containerd has an image of that digest. */
export const ctrHas = (namespace: string, digest: string): string =>
  `${quoted(ctr(namespace))} images ls | grep -F '${digest}' >/dev/null`;

/** containerd in both of its ways, each in a namespace of its own for this work. */
export const bothWaysOfCtr = (
  work: string,
  how: (
    namespace: string,
    flags: readonly string[],
  ) => Omit<Contestant, 'name' | 'role' | 'needs' | 'cleanup'>,
): Contestant[] =>
  [[], ['--local']].map((flags) => {
    const namespace = flags.length === 0 ? work : `${work}-local`;
    return {
      name: ['ctr2', ...flags].join(' '),
      role: 'peer',
      needs: ['ctr2'],
      cleanup: emptyNamespace(namespace),
      ...how(namespace, flags),
    };
  });
