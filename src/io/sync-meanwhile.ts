/**
 * After so many bytes the disk is told to take what is written, while more is hashed and written: one sync at the end
 * would leave the disk idle meanwhile, and then everybody waiting for it (measured: 1.5 times as long).
 */
const SYNC_EVERY = 32 << 20;

/**
 * Syncs that go on at once in this process, whatever the files. Each of them takes one of the four threads by which Node
 * does its work on files, for as long as the disk needs: the others have to be left to those who read and write.
 */
const AT_ONCE = 2;
let going = 0;

export interface SyncMeanwhileOptions {
  /** Bytes after which a sync begins. @default 32 MiB */
  readonly every?: number;
}

/**
 * Has the disk work all along on what is written to a file, so that little is left to wait for at the end: one sync
 * at a time, whenever enough has come together.
 */
export class SyncMeanwhile {
  readonly #sync: () => Promise<void>;
  readonly #every: number;
  #unsynced = 0;
  #running: Promise<void> | undefined;
  /** The first failure. It must not be lost: a later sync does not tell of it again. */
  #failure: { readonly error: unknown } | undefined;

  /** `sync` puts on the disk what was written by the time it is called. */
  constructor(sync: () => Promise<void>, { every = SYNC_EVERY }: SyncMeanwhileOptions = {}) {
    this.#sync = sync;
    this.#every = every;
  }

  /** So many more bytes were written. While a sync runs, or enough of other files, they are left to the next one. */
  add(count: number): void {
    this.#unsynced += count;
    if (this.#unsynced >= this.#every && this.#running === undefined && going < AT_ONCE) this.#begin();
  }

  /**
   * The same for whoever must not be faster than the disk: when the next sync is due, waits for the last one, so that
   * never more than two such stretches are not on the disk.
   *
   * @throws what a sync has failed with by then.
   */
  async addInTurn(count: number): Promise<void> {
    this.#unsynced += count;
    if (this.#unsynced < this.#every) return;
    await this.done();
    this.#begin();
  }

  /** What was written does not count any more. */
  forget(): void {
    this.#unsynced = 0;
  }

  /** @throws what a sync has failed with by now. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /**
   * Waits until nothing is in flight. What was written since the last sync began is not on the disk yet.
   *
   * @throws what a sync has failed with.
   */
  async done(): Promise<void> {
    await this.settle();
    this.check();
  }

  /** Waits until nothing is in flight, however it ends. */
  async settle(): Promise<void> {
    await this.#running;
  }

  #begin(): void {
    this.#unsynced = 0;
    going += 1;
    this.#running = this.#sync()
      .catch((error: unknown) => void (this.#failure ??= { error }))
      .finally(() => {
        this.#running = undefined;
        going -= 1;
      });
  }
}
