import { floorsOf, hashing, NAME, skopeoCopy, startOfNode, stowageImport } from './contestants.js';
import type { Archive } from './oci-works.js';
import { quoted, type StowageCommand } from './stowage-command.js';
import type { Work } from './work.js';

/** Works on an archive as `docker save` writes it, of plain layers. */
export function dockerWorks(stowage: StowageCommand, { path, bytes }: Omit<Archive, 'digest'>): Work[] {
  const load = stowageImport(stowage, [path]);
  const toLayout = skopeoCopy(`docker-archive:${path}`);
  const removed = `docker2 image rm -f '${NAME}' >/dev/null 2>&1 || true`;
  const isWhole = `[ "$(stat -c %s out.tar)" -gt ${Math.floor(bytes * 0.97)} ]`;
  return [
    {
      name: 'docker-import',
      title: 'Import of a Docker archive of plain layers, into an empty store',
      main: true,
      contestants: [
        ...floorsOf(path),
        load,
        {
          name: 'docker2 load',
          role: 'peer',
          needs: ['docker2'],
          before: removed,
          run: ['docker2', 'load', '--quiet', '--input', path],
          check: `docker2 image inspect '${NAME}' >/dev/null`,
          cleanup: removed,
        },
        toLayout,
      ],
    },
    {
      name: 'docker-again',
      title: 'The same import again, when everything is there',
      main: true,
      contestants: [startOfNode(), stowageImport(stowage, [path], { start: 'held' })],
    },
    {
      name: 'docker-compress',
      title: 'Import of that Docker archive with its layers compressed by gzip',
      main: false,
      contestants: [
        { ...stowageImport(stowage, ['--compress-blobs', path]), name: 'stowage --compress-blobs' },
        toLayout,
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
          prepare: quoted(load.run),
          before: 'rm -f out.tar',
          run: stowage('--root', 'root', 'images', 'export', '--format', 'docker', 'out.tar', NAME),
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
        hashing(path),
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
