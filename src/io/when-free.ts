import { isStowageError } from '../errors.js';
import { pause } from './pause.js';

/** Delays between two attempts to open, as containerd's client has them (spec 4.5), in milliseconds. */
const FIRST_DELAY = 16;
const LONGEST_DELAY = 2048;

/**
 * What `attempt` answers, which is made again as long as it rejects with BUSY, after random delays that double (spec
 * 4.5), for so many milliseconds; then rejects with that error.
 */
export async function whenFree<T>(
  attempt: () => Promise<T>,
  patience: number,
  signal: AbortSignal | undefined,
): Promise<T> {
  const deadline = performance.now() + patience;
  for (let limit = FIRST_DELAY; ; limit = Math.min(limit * 2, LONGEST_DELAY)) {
    try {
      return await attempt();
    } catch (error) {
      const left = deadline - performance.now();
      if (!isStowageError(error, 'BUSY') || left <= 0) throw error;
      await pause(Math.min(1 + Math.random() * limit, left), signal);
    }
  }
}
