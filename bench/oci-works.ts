/** Works on OCI archives of gzip layers. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ctr, emptyNamespace } from './containerd.js';
import {
  bothWaysOfCtr,
  ctrHas,
  ctrImport,
  floorsOf,
  NAME,
  skopeoCopy,
  startOfNode,
  stowageImport,
  type Start,
} from './contestants.js';
import { quoted, type StowageCommand } from './stowage-command.js';
import { shell, type Contestant, type Work } from './work.js';

/** An archive to move, and how to know that it was. */
export interface Archive {
  readonly path: string;
  readonly bytes: number;
  /** Of the one image in it. */
  readonly digest: string;
}

/** Takes what a pipe gives at the price of `cat`, and keeps its length. */
const COUNT = 'dd of=/dev/null bs=1M 2>count';

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

/** `changed` has one layer more than `archive`. */
export function ociWorks(stowage: StowageCommand, archive: Archive, changed: Archive): Work[] {
  return [
    ...importWorks(stowage, archive),
    changedWork(stowage, archive, changed),
    pipeWork(stowage, archive),
    ...exportWorks(stowage, archive),
  ];
}

const fromTar = ({ path }: Pick<Archive, 'path'>) => `oci-archive:${path}:latest`;

const importsOfCtr = (work: string, { path, digest }: Archive, start: Start): Contestant[] =>
  bothWaysOfCtr(work, (namespace, flags) => {
    const run = ctrImport(namespace, flags, path);
    const empty = emptyNamespace(namespace);
    const begin = start === 'empty' ? { before: empty } : { prepare: `${empty}; ${quoted(run)}` };
    return { ...begin, run, check: ctrHas(namespace, digest) };
  });

function importWorks(stowage: StowageCommand, archive: Archive): Work[] {
  const { path, digest } = archive;
  const contestants = (work: string, start: Start): Contestant[] => [
    stowageImport(stowage, [NAME, path], { start, digest }),
    ...importsOfCtr(work, archive, start),
    skopeoCopy(fromTar(archive), { start, digest }),
  ];
  return [
    {
      name: 'import',
      title: 'Import of an OCI archive of four gzip layers from a file, into an empty store',
      main: true,
      contestants: [...floorsOf(path), ...contestants('import', 'empty')],
    },
    {
      name: 'again',
      title: 'The same import again, when everything is there',
      main: true,
      contestants: [startOfNode(), ...contestants('again', 'held')],
    },
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
          ${quoted(ctrImport('changed', ['--local'], archive.path))}`,
        before: `${quoted(ctr('changed'))} images rm --sync '${name}' >/dev/null 2>&1 || true`,
        run: ctrImport('changed', ['--local'], changed.path, name),
        check: ctrHas('changed', changed.digest),
        cleanup: emptyNamespace('changed'),
      },
      {
        ...skopeoCopy(fromTar(changed), { digest: changed.digest }),
        prepare: `skopeo2 copy --quiet '${fromTar(archive)}' oci:base:latest`,
        before: `rm -rf layout && mkdir layout
          cp -al base/blobs layout && cp base/index.json base/oci-layout layout`,
      },
    ],
  };
}

function pipeWork(stowage: StowageCommand, archive: Archive): Work {
  const { path, bytes, digest } = archive;
  const fromPipe = (contestant: Contestant): Contestant => ({
    ...contestant,
    run: shell(`cat '${path}' | ${quoted(contestant.run.map((word) => (word === path ? '-' : word)))}`),
  });
  return {
    name: 'import-pipe',
    title: 'Import of the same archive from a pipe, into an empty store',
    main: true,
    contestants: [
      {
        name: 'cat | dd',
        role: 'floor',
        before: 'rm -f copy',
        run: shell(`cat '${path}' | dd of=copy bs=1M iflag=fullblock conv=fdatasync`),
        check: `[ "$(stat -c %s copy)" = ${bytes} ]`,
      },
      ...[stowageImport(stowage, [NAME, path], { digest }), ...importsOfCtr('pipe', archive, 'empty')].map(
        fromPipe,
      ),
    ],
  };
}

function exportWorks(stowage: StowageCommand, archive: Archive): Work[] {
  const { path, bytes, digest } = archive;
  const prepare = quoted(stowage('--root', 'root', 'images', 'import', NAME, path));
  const run = (out: string) => stowage('--root', 'root', 'images', 'export', out, NAME);
  // As long as the archive the image came from, but for headers and padding.
  const isWhole = (size: string) => `[ "${size}" -gt ${Math.floor(bytes * 0.97)} ]`;
  const isArchive = `${isWhole('$(stat -c %s out.tar)')} && tar -xOf out.tar index.json | grep -F '${digest}' >/dev/null`;
  const counted = isWhole('$(sed -n "s/ bytes.*//p" count)');
  const viaCtr = (work: string, out: string): Contestant[] =>
    bothWaysOfCtr(work, (namespace, flags) => ({
      prepare: `${emptyNamespace(namespace)}
        ${quoted(ctrImport(namespace, ['--local'], path))}`,
      before: 'rm -f out.tar count',
      run: [...ctr(namespace), 'images', 'export', ...flags, out, NAME],
      check: isArchive,
    }));
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
          prepare: `skopeo2 copy --quiet '${fromTar(archive)}' oci:layout:latest`,
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

/** An archive whose layers are many, or one that is large. */
export function layersWork(
  stowage: StowageCommand,
  path: string,
  work: Pick<Work, 'name' | 'title' | 'main'>,
): Work {
  return {
    ...work,
    contestants: [...floorsOf(path), stowageImport(stowage, [NAME, path]), skopeoCopy(fromTar({ path }))],
  };
}
