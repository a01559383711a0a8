/** How long whoever is ready waits for others, in milliseconds. */
const PATIENCE = 4;

/** So many go together at most. */
const ENOUGH = 32;

/**
 * Brings together those who are about to commit, since a commit costs two syncs however many share it. Whoever is ready
 * waits until all who are on their way are, but not for long.
 */
export class Gathering {
  #onTheWay = 0;
  #ready: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** Says that somebody is on the way. To be answered by one call of what comes back, however it ends. */
  enter(): { ready(): Promise<void>; leave(): void } {
    this.#onTheWay += 1;
    let left = false;
    const leave = () => {
      if (left) return;
      left = true;
      this.#onTheWay -= 1;
      this.#look();
    };
    const ready = async () => {
      if (left) return;
      const go = new Promise<void>((resolve) => this.#ready.push(resolve));
      this.#timer ??= setTimeout(() => this.#go(), PATIENCE);
      leave();
      await go;
    };
    return { ready, leave };
  }

  #look(): void {
    if (this.#onTheWay === 0 || this.#ready.length >= ENOUGH) this.#go();
  }

  #go(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const ready = this.#ready;
    this.#ready = [];
    for (const go of ready) go();
  }
}
