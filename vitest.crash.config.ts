import { defineConfig } from 'vitest/config';

/** Real processes that are killed, race, or stop half-way: what they leave, and what the others see. */
export default defineConfig({
  test: {
    include: ['test/crash/**/*.test.ts', 'test/faults/**/*.test.ts'],
    reporters: ['verbose'],
    // What a run may take is bounded by its rounds and seconds; this only ends one that hangs.
    testTimeout: 3_600_000,
    hookTimeout: 300_000,
    fileParallelism: false,
  },
});
