import { watch, type FSWatcher } from 'node:fs';

/**
 * Counts what happens in folders: files that come, go or change. A moment in the life of a process is better told by
 * that than by a clock: starting takes most of its time, and there is nothing to find then.
 */
export class Changes {
  readonly #watchers: FSWatcher[] = [];
  readonly #at: number;
  readonly #reached: () => void;
  count = 0;

  /** `reached` is called once, at the change of number `at`. Folders that are not there are passed over. */
  constructor(folders: readonly string[], at = Infinity, reached: () => void = () => {}) {
    this.#at = at;
    this.#reached = reached;
    for (const folder of folders) {
      try {
        this.#watchers.push(watch(folder, () => this.#changed()).on('error', () => {}));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
    }
  }

  close(): void {
    for (const watcher of this.#watchers) watcher.close();
  }

  #changed(): void {
    this.count++;
    if (this.count === this.#at) this.#reached();
  }
}
