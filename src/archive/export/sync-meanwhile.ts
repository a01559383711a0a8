import type { FileHandle } from 'node:fs/promises';

/** Bytes after which what was written so far is sent to the disk while more is being written. */
const SYNC_BYTES = 32 << 20;

/**
 * Has the disk work all along on what is written to a file, so that little is left to wait for at the end: one sync
 * at a time, whenever enough has come together.
 */
export class SyncMeanwhile {
  readonly #file: FileHandle;
  #unsynced = 0;
  #running: Promise<void> | undefined;
  /** The first failure. It must not be lost: a later sync does not tell of it again. */
  #failure: { readonly error: unknown } | undefined;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  /** So many more bytes were written. */
  add(count: number): void {
    this.#unsynced += count;
    if (this.#unsynced < SYNC_BYTES || this.#running !== undefined) return;
    this.#unsynced = 0;
    this.#running = this.#file
      .datasync()
      .catch((error: unknown) => void (this.#failure ??= { error }))
      .finally(() => (this.#running = undefined));
  }

  /** @throws what a sync has failed with by now. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Syncs the rest; everything that was written is on the disk when this resolves. */
  async finish(): Promise<void> {
    await this.settle();
    this.check();
    await this.#file.sync();
  }

  /** Waits until nothing is in flight, however it ends. */
  async settle(): Promise<void> {
    await this.#running;
  }
}
