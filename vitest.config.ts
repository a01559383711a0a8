import { defineConfig } from 'vitest/config';

/** Unit, compliance, golden and layering tests. Interop with real tools and crashes have their own configurations. */
export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    exclude: ['test/interop/**', 'test/crash/**', 'test/faults/**', '**/node_modules/**', 'dist/**'],
    // On two processors it would be one.
    maxWorkers: '100%',
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
