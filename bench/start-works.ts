import { startOfNode } from './contestants.js';
import type { NodeVersion } from './peers.js';
import { quoted, stowageCommand } from './stowage-command.js';
import { shell, type Contestant, type Work } from './work.js';

/** What a command costs that moves nothing, on each version of Node. */
export function startWorks(
  repository: string,
  nodes: readonly NodeVersion[],
  storeOfThousand: string,
  count: number,
): Work[] {
  const works = nodes.map(({ path, major }): Work[] => {
    const stowage = stowageCommand(repository, path);
    const floor = startOfNode(path);
    return [
      {
        name: `version-${major}`,
        title: `stowage version, on Node ${major}`,
        main: true,
        repeats: 3,
        contestants: [floor, { name: 'stowage', role: 'stowage', run: stowage('version'), check: 'true' }],
      },
      listWork(
        `ls-${major}`,
        `images ls of ${count} images, on Node ${major}`,
        [
          { ...floor, run: shell(`exec ${quoted(floor.run)} >list`) },
          listing(stowage('--root', storeOfThousand, 'images', 'ls'), count),
        ],
        3,
      ),
    ];
  });
  return works.flat();
}

const listWork = (name: string, title: string, contestants: Contestant[], repeats = 1): Work => ({
  name,
  title,
  main: true,
  repeats,
  contestants,
});

/** Its output goes into a file, so that it can be counted. */
const listing = (command: readonly string[], count: number): Contestant => ({
  name: 'stowage',
  role: 'stowage',
  run: shell(`exec ${quoted(command)} >list`),
  check: `[ "$(wc -l <list)" = ${count + 1} ]`,
});

/** Stores of many images. `labelled` has a hundred labels on each. */
export function manyImagesWorks(
  repository: string,
  stores: { readonly labelled: string; readonly listed: string },
  counts: { readonly labelled: number; readonly listed: number },
): Work[] {
  const stowage = stowageCommand(repository);
  return [
    listWork(`ls-labelled`, `images ls of ${counts.labelled} images with 100 labels each`, [
      listing(stowage('--root', stores.labelled, 'images', 'ls'), counts.labelled),
    ]),
    listWork(`ls-many`, `images ls of ${counts.listed} images`, [
      listing(stowage('--root', stores.listed, 'images', 'ls'), counts.listed),
    ]),
    {
      name: 'gc',
      title: `gc of ${counts.labelled} images with 100 labels each, nothing to be removed`,
      main: true,
      contestants: [
        {
          name: 'stowage',
          role: 'stowage',
          supported: quoted(stowage('gc', '--help')),
          prepare: `cp -a '${stores.labelled}' root`,
          run: stowage('--root', 'root', 'gc'),
          check: `[ "$(${quoted(stowage('--root', 'root', 'images', 'ls', '-q'))} | wc -l)" = ${counts.labelled} ]`,
        },
      ],
    },
  ];
}
