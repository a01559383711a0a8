import { isStowageError } from '../../../errors.js';
import type { CommandBody } from '../../command.js';

export type NamespacesRemoveFlags = {
  readonly cgroup?: boolean;
};

const run: CommandBody<NamespacesRemoveFlags, string[]> = async function (_flags, ...names) {
  const removed = await this.withStore('remove', async (store) => {
    const gone: string[] = [];
    for (const name of new Set(names)) {
      try {
        const existed = await store.namespaces.delete(name, { signal: this.signal });
        if (!existed) this.output.note(`namespace ${JSON.stringify(name)} was not there`);
        gone.push(name);
      } catch (error) {
        if (!isStowageError(error, 'CONFLICT')) throw error;
        this.report(error);
      }
    }
    return gone;
  });
  if (this.output.json) return this.output.value({ removed });
  await this.output.lines(removed);
};

export default run;
