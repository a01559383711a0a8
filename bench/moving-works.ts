import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ctr, emptyNamespace } from './containerd.js';
import { quoted, type StowageCommand } from './stowage-command.js';
import { shell, type Contestant, type Work } from './work.js';

/** An archive to move, and how to know that it was. */
export interface Archive {
  readonly path: string;
  readonly bytes: number;
  /** Of the one image in it. */
  readonly digest: string;
}

/** The image's name wherever it has one. */
const NAME = 'bench.example/four-layers:latest';

/** containerd adds the tag that the archive has, which is `latest`. */
const baseOf = (name: string) => name.replace(/:latest$/, '');

/** Takes what a pipe gives at the price of `cat`, and keeps its length. */
const COUNT = 'dd of=/dev/null bs=1M 2>count';

/** What must be done for an import or an export of so many bytes: they have to get to the disk, and be hashed. */
export const floorsOf = (path: string): Contestant[] => [
  {
    name: 'dd',
    role: 'floor',
    before: 'rm -f copy',
    run: ['dd', `if=${path}`, 'of=copy', 'bs=1M', 'conv=fdatasync'],
    check: `[ "$(stat -Lc %s copy)" = "$(stat -Lc %s '${path}')" ]`,
  },
  {
    name: 'openssl',
    role: 'floor',
    run: ['openssl', 'dgst', '-sha256', path],
    check: 'true',
  },
];

const startOfNode: Contestant = {
  name: 'node -e 0',
  role: 'floor',
  run: [process.execPath, '-e', '0'],
  check: 'true',
};

/** The archive of a layout and what its one image is. */
export async function archiveAt(path: string, layout: string, tag = 'latest'): Promise<Archive> {
  const index = JSON.parse(await readFile(join(layout, 'index.json'), 'utf8')) as {
    manifests: { digest: string; annotations?: Record<string, string> }[];
  };
  const entry = index.manifests.find(
    ({ annotations }) => annotations?.['org.opencontainers.image.ref.name'] === tag,
  );
  if (entry === undefined) throw new Error(`${layout} has no image ${tag}`);
  return { path, bytes: (await stat(path)).size, digest: entry.digest };
}

/** Works on OCI archives of gzip layers. */
export function importWorks(stowage: StowageCommand, archive: Archive, changed: Archive): Work[] {
  const { path, digest } = archive;
  const root = (...args: string[]) => stowage('--root', 'root', ...args);
  const listed = `${quoted(root('images', 'ls'))} | grep -F '${digest}' | grep -F '${NAME}' >/dev/null`;
  const stowageImport = root('images', 'import', NAME, path);
  const importedBy = (namespace: string) =>
    `${quoted(ctr(namespace))} images ls | grep -F '${digest}' >/dev/null`;
  const ctrImport = (namespace: string, ...flags: string[]) => [
    ...[...ctr(namespace), 'images', 'import', ...flags, '--no-unpack'],
    ...['--base-name', baseOf(NAME), path],
  ];
  const skopeoCopy = (from: string) => [
    'skopeo2',
    'copy',
    '--quiet',
    `oci-archive:${from}:latest`,
    'oci:layout:latest',
  ];
  const viaCtr = (work: string, cold: boolean): Contestant[] =>
    [[], ['--local']].map((flags) => {
      const namespace = flags.length === 0 ? work : `${work}-local`;
      const run = ctrImport(namespace, ...flags);
      return {
        name: ['ctr2', ...flags].join(' '),
        role: 'peer',
        needs: ['ctr2'],
        ...(cold
          ? { before: emptyNamespace(namespace) }
          : { prepare: `${emptyNamespace(namespace)}; ${quoted(run)}` }),
        run,
        check: importedBy(namespace),
        cleanup: emptyNamespace(namespace),
      };
    });
  return [
    {
      name: 'import',
      title: 'Import of an OCI archive of four gzip layers from a file, into an empty store',
      main: true,
      contestants: [
        ...floorsOf(path),
        { name: 'stowage', role: 'stowage', before: 'rm -rf root', run: stowageImport, check: listed },
        ...viaCtr('import', true),
        {
          name: 'skopeo2',
          role: 'peer',
          needs: ['skopeo2'],
          before: 'rm -rf layout',
          run: skopeoCopy(path),
          check: `grep -qF '${digest}' layout/index.json`,
        },
      ],
    },
    {
      name: 'again',
      title: 'The same import again, when everything is there',
      main: true,
      contestants: [
        startOfNode,
        {
          name: 'stowage',
          role: 'stowage',
          prepare: quoted(stowageImport),
          run: stowageImport,
          check: listed,
        },
        ...viaCtr('again', false),
        {
          name: 'skopeo2',
          role: 'peer',
          needs: ['skopeo2'],
          prepare: quoted(skopeoCopy(path)),
          run: skopeoCopy(path),
          check: `grep -qF '${digest}' layout/index.json`,
        },
      ],
    },
    changedWork(stowage, archive, changed),
    {
      name: 'import-pipe',
      title: 'Import of the same archive from a pipe, into an empty store',
      main: true,
      contestants: [
        {
          name: 'cat | dd',
          role: 'floor',
          before: 'rm -f copy',
          run: shell(`cat '${path}' | dd of=copy bs=1M iflag=fullblock conv=fdatasync`),
          check: `[ "$(stat -c %s copy)" = ${archive.bytes} ]`,
        },
        {
          name: 'stowage',
          role: 'stowage',
          before: 'rm -rf root',
          run: shell(`cat '${path}' | ${quoted(root('images', 'import', NAME, '-'))}`),
          check: listed,
        },
        ...viaCtr('pipe', true).map((contestant): Contestant => ({
          ...contestant,
          run: shell(`cat '${path}' | ${quoted(contestant.run.map((word) => (word === path ? '-' : word)))}`),
        })),
      ],
    },
    ...exportWorks(stowage, archive),
  ];
}

/** The new layer has to be read, hashed and written; nothing else. */
function changedWork(stowage: StowageCommand, archive: Archive, changed: Archive): Work {
  const root = (name: string, ...args: string[]) => stowage('--root', name, ...args);
  const name = 'bench.example/changed:latest';
  return {
    name: 'changed',
    title: 'Import of that archive with one more layer of 20 MB, when the rest is there',
    main: true,
    contestants: [
      {
        name: 'stowage',
        role: 'stowage',
        prepare: quoted(root('base', 'images', 'import', NAME, archive.path)),
        // Blobs never change, so they may be shared; everything else is copied.
        before: `
          rm -rf root && mkdir root
          for entry in base/*; do
            if [ "$entry" = base/blobs ]; then cp -al base/blobs root; else cp -a "$entry" root; fi
          done`,
        run: root('root', 'images', 'import', name, changed.path),
        check: `${quoted(root('root', 'images', 'ls'))} | grep -F '${changed.digest}' | grep -F '${name}' >/dev/null`,
      },
      {
        name: 'ctr2 --local',
        role: 'peer',
        needs: ['ctr2'],
        prepare: `${emptyNamespace('changed')}
          ${quoted(ctr('changed'))} images import --local --no-unpack --base-name '${baseOf(NAME)}' '${archive.path}'`,
        before: `${quoted(ctr('changed'))} images rm --sync '${name}' >/dev/null 2>&1 || true`,
        run: [
          ...[...ctr('changed'), 'images', 'import', '--local', '--no-unpack'],
          ...['--base-name', baseOf(name), changed.path],
        ],
        check: `${quoted(ctr('changed'))} images ls | grep -F '${changed.digest}' >/dev/null`,
        cleanup: emptyNamespace('changed'),
      },
      {
        name: 'skopeo2',
        role: 'peer',
        needs: ['skopeo2'],
        prepare: `skopeo2 copy --quiet 'oci-archive:${archive.path}:latest' oci:base:latest`,
        before: `rm -rf layout && mkdir layout
          cp -al base/blobs layout && cp base/index.json base/oci-layout layout`,
        run: ['skopeo2', 'copy', '--quiet', `oci-archive:${changed.path}:latest`, 'oci:layout:latest'],
        check: `grep -qF '${changed.digest}' layout/index.json`,
      },
    ],
  };
}

function exportWorks(stowage: StowageCommand, { path, bytes, digest }: Archive): Work[] {
  const prepare = quoted(stowage('--root', 'root', 'images', 'import', NAME, path));
  const run = (out: string) => stowage('--root', 'root', 'images', 'export', out, NAME);
  // As long as the archive the image came from, but for headers and padding.
  const isWhole = (size: string) => `[ "${size}" -gt ${Math.floor(bytes * 0.97)} ]`;
  const isArchive = `${isWhole('$(stat -c %s out.tar)')} && tar -xOf out.tar index.json | grep -F '${digest}' >/dev/null`;
  const counted = isWhole('$(sed -n "s/ bytes.*//p" count)');
  const viaCtr = (work: string, out: string): Contestant[] =>
    [[], ['--local']].map((flags) => {
      const namespace = flags.length === 0 ? work : `${work}-local`;
      return {
        name: ['ctr2', ...flags].join(' '),
        role: 'peer',
        needs: ['ctr2'],
        prepare: `${emptyNamespace(namespace)}
          ${quoted(ctr(namespace))} images import --local --no-unpack --base-name '${baseOf(NAME)}' '${path}'`,
        before: 'rm -f out.tar count',
        run: [...ctr(namespace), 'images', 'export', ...flags, out, NAME],
        check: isArchive,
        cleanup: emptyNamespace(namespace),
      };
    });
  return [
    {
      name: 'export',
      title: 'Export of that image to a file',
      main: true,
      contestants: [
        ...floorsOf(path),
        {
          name: 'stowage',
          role: 'stowage',
          prepare,
          before: 'rm -f out.tar',
          run: run('out.tar'),
          check: isArchive,
        },
        ...viaCtr('export', 'out.tar'),
        {
          name: 'skopeo2',
          role: 'peer',
          needs: ['skopeo2'],
          prepare: `skopeo2 copy --quiet 'oci-archive:${path}:latest' oci:layout:latest`,
          before: 'rm -f out.tar',
          run: ['skopeo2', 'copy', '--quiet', 'oci:layout:latest', 'oci-archive:out.tar:latest'],
          check: isArchive,
        },
      ],
    },
    {
      name: 'export-pipe',
      title: 'Export of that image to a pipe',
      main: true,
      contestants: [
        {
          name: 'cat | openssl',
          role: 'floor',
          run: shell(`cat '${path}' | openssl dgst -sha256`),
          check: 'true',
        },
        {
          name: 'stowage',
          role: 'stowage',
          prepare,
          run: shell(`${quoted(run('-'))} | ${COUNT}`),
          check: counted,
        },
        ...viaCtr('export-pipe', '-')
          .slice(0, 1)
          .map((contestant): Contestant => ({
            ...contestant,
            run: shell(`${quoted(contestant.run)} | ${COUNT}`),
            check: counted,
          })),
      ],
    },
  ];
}

/** Works on an archive as `docker save` writes it, of plain layers. */
export function dockerWorks(stowage: StowageCommand, { path, bytes }: Omit<Archive, 'digest'>): Work[] {
  const root = (...args: string[]) => stowage('--root', 'root', ...args);
  const load = root('images', 'import', path);
  const listed = `${quoted(root('images', 'ls', '-q'))} | grep -xF '${NAME}' >/dev/null`;
  const removed = `docker2 image rm -f '${NAME}' >/dev/null 2>&1 || true`;
  const isWhole = `[ "$(stat -c %s out.tar)" -gt ${Math.floor(bytes * 0.97)} ]`;
  const toLayout = ['skopeo2', 'copy', '--quiet', `docker-archive:${path}`, 'oci:layout:latest'];
  return [
    {
      name: 'docker-import',
      title: 'Import of a Docker archive of plain layers, into an empty store',
      main: true,
      contestants: [
        ...floorsOf(path),
        { name: 'stowage', role: 'stowage', before: 'rm -rf root', run: load, check: listed },
        {
          name: 'docker2 load',
          role: 'peer',
          needs: ['docker2'],
          before: removed,
          run: ['docker2', 'load', '--quiet', '--input', path],
          check: `docker2 image inspect '${NAME}' >/dev/null`,
          cleanup: removed,
        },
        {
          name: 'skopeo2',
          role: 'peer',
          needs: ['skopeo2'],
          before: 'rm -rf layout',
          run: toLayout,
          check: '[ -s layout/index.json ]',
        },
      ],
    },
    {
      name: 'docker-again',
      title: 'The same import again, when everything is there',
      main: true,
      contestants: [
        startOfNode,
        { name: 'stowage', role: 'stowage', prepare: quoted(load), run: load, check: listed },
      ],
    },
    {
      name: 'docker-compress',
      title: 'Import of that Docker archive with its layers compressed by gzip',
      main: false,
      contestants: [
        {
          name: 'stowage --compress-blobs',
          role: 'stowage',
          before: 'rm -rf root',
          run: root('images', 'import', '--compress-blobs', path),
          check: listed,
        },
        {
          name: 'skopeo2',
          role: 'peer',
          needs: ['skopeo2'],
          before: 'rm -rf layout',
          run: toLayout,
          check: '[ -s layout/index.json ]',
        },
      ],
    },
    {
      name: 'docker-export',
      title: 'Export of that image as a Docker archive',
      main: false,
      contestants: [
        ...floorsOf(path),
        {
          name: 'stowage',
          role: 'stowage',
          prepare: quoted(load),
          before: 'rm -f out.tar',
          run: root('images', 'export', '--format', 'docker', 'out.tar', NAME),
          check: isWhole,
        },
        {
          name: 'docker2 save',
          role: 'peer',
          needs: ['docker2'],
          prepare: `docker2 load --quiet --input '${path}'`,
          before: 'rm -f out.tar',
          run: ['docker2', 'save', '--output', 'out.tar', NAME],
          check: isWhole,
          cleanup: removed,
        },
      ],
    },
    {
      name: 'docker-verify',
      title: 'Judging that Docker archive without a store',
      main: false,
      contestants: [
        { name: 'openssl', role: 'floor', run: ['openssl', 'dgst', '-sha256', path], check: 'true' },
        { name: 'stowage', role: 'stowage', run: stowage('verify', path), check: 'true' },
        {
          name: 'crane validate',
          role: 'peer',
          needs: ['crane'],
          run: ['crane', 'validate', '--fast', '--tarball', path],
          check: 'true',
        },
      ],
    },
  ];
}

/** An archive whose layers are many, or one that is large. */
export function layersWork(
  stowage: StowageCommand,
  archive: string,
  work: Pick<Work, 'name' | 'title' | 'main'>,
): Work {
  const root = (...args: string[]) => stowage('--root', 'root', ...args);
  return {
    ...work,
    contestants: [
      ...floorsOf(archive),
      {
        name: 'stowage',
        role: 'stowage',
        before: 'rm -rf root',
        run: root('images', 'import', NAME, archive),
        check: `${quoted(root('images', 'ls', '-q'))} | grep -xF '${NAME}' >/dev/null`,
      },
      {
        name: 'skopeo2',
        role: 'peer',
        needs: ['skopeo2'],
        before: 'rm -rf layout',
        run: ['skopeo2', 'copy', '--quiet', `oci-archive:${archive}:latest`, 'oci:layout:latest'],
        check: '[ -s layout/index.json ]',
      },
    ],
  };
}
