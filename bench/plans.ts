import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ToolName } from '../test/interop/tools.js';
import { dockerWorks } from './docker-works.js';
import { storeOfMany } from './image-stores.js';
import { INPUTS, input, type InputName, type Size } from './inputs.js';
import { archiveAt, layersWork, ociWorks } from './oci-works.js';
import type { NodeVersion } from './peers.js';
import { manyImagesWorks, startWorks } from './start-works.js';
import { stowageCommand } from './stowage-command.js';
import type { Work } from './work.js';

export interface PlanContext {
  readonly size: Size;
  readonly repository: string;
  readonly nodes: readonly NodeVersion[];
}

/** Kinds of work that are measured with the same input, which is made when the first of them is wanted. */
export interface Plan {
  /** What their names are, or begin with. */
  readonly names: readonly string[];
  /** Whether any of them runs unless told otherwise. */
  readonly main: boolean;
  /** What making the input takes. */
  readonly needs: readonly ToolName[];
  make(context: PlanContext): Promise<readonly Work[]>;
}

const made = (name: InputName, { size, repository }: PlanContext) => input(name, size, repository);

export const PLANS: readonly Plan[] = [
  {
    names: ['import', 'again', 'changed', 'import-pipe', 'export', 'export-pipe'],
    main: true,
    needs: INPUTS['four-layers'].needs,
    make: async (context) => {
      const folder = await made('four-layers', context);
      const layout = join(folder, 'layout');
      const archive = await archiveAt(join(folder, 'archive.tar'), layout);
      const changed = await archiveAt(join(folder, 'changed.tar'), layout, 'changed');
      return ociWorks(stowageCommand(context.repository), archive, changed);
    },
  },
  {
    names: ['docker-import', 'docker-again', 'docker-compress', 'docker-export', 'docker-verify'],
    main: true,
    needs: INPUTS['four-layers'].needs,
    make: async (context) => {
      const path = join(await made('four-layers', context), 'docker.tar');
      return dockerWorks(stowageCommand(context.repository), { path, bytes: (await stat(path)).size });
    },
  },
  {
    names: ['forty-layers'],
    main: true,
    needs: INPUTS['forty-layers'].needs,
    make: async (context) => {
      const archive = join(await made('forty-layers', context), 'archive.tar');
      const title = 'Import of an OCI archive of forty layers of 20 MB, into an empty store';
      return [
        layersWork(stowageCommand(context.repository), archive, { name: 'forty-layers', title, main: true }),
      ];
    },
  },
  {
    names: ['version', 'ls-', 'gc'],
    main: true,
    needs: [],
    make: async ({ size, repository, nodes }) => {
      const counts = {
        listed: size === 'full' ? 20_000 : 200,
        labelled: size === 'full' ? 10_000 : 100,
        short: size === 'full' ? 1000 : 50,
      };
      const make = (name: string, images: number, labels: number) =>
        storeOfMany(name, { images, manifests: counts.short, labels }, repository);
      const stores = {
        listed: await make('listed', counts.listed, 0),
        labelled: await make('labelled', counts.labelled, 100),
      };
      return [
        ...startWorks(repository, nodes, await make('short', counts.short, 0), counts.short),
        ...manyImagesWorks(repository, stores, counts),
      ];
    },
  },
  {
    names: ['one-layer'],
    main: false,
    needs: INPUTS['one-layer'].needs,
    make: async (context) => {
      const archive = join(await made('one-layer', context), 'archive.tar');
      const title = 'Import of an OCI archive of one layer of 5 GB, into an empty store';
      return [
        layersWork(stowageCommand(context.repository), archive, { name: 'one-layer', title, main: false }),
      ];
    },
  },
];
