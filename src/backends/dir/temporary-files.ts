import { isAbsolute } from 'node:path';
import { isStowageError, StowageError } from '../../errors.js';
import type { CallOptions } from '../../content/store.js';
import type { TemporaryFiles } from '../../images/store.js';
import type { View } from './view.js';

/** Files of this process outside the root, on record until they are forgotten. */
export class DirTemporaryFiles implements TemporaryFiles {
  readonly #view: View;

  constructor(view: View) {
    this.#view = view;
  }

  /** @throws {StowageError} INVALID if the path is not absolute: the process that removes it runs elsewhere. */
  async reserve(path: string, options: CallOptions = {}): Promise<{ forget(): Promise<void> }> {
    if (!isAbsolute(path)) {
      throw new StowageError('INVALID', `Cannot reserve ${JSON.stringify(path)}: it is not an absolute path`);
    }
    if (this.#view.readOnly) return { forget: async () => {} };
    const { connection, holders } = this.#view.place;
    const holder = await holders.own(options);
    await connection.transaction(
      (transaction) =>
        transaction.run('INSERT OR REPLACE INTO temporary_files (path, holder) VALUES (?, ?)', path, holder),
      options,
    );
    const forget = async () => {
      try {
        await connection.transaction((transaction) => {
          transaction.run('DELETE FROM temporary_files WHERE path = ? AND holder = ?', path, holder);
        });
      } catch (error) {
        // On a full disk, say, the row goes with this process.
        if (!isStowageError(error)) throw error;
      }
    };
    return { forget };
  }
}
