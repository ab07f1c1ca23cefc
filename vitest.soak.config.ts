import { defineConfig } from 'vitest/config';

// What takes minutes: one file at a time, so that measurements of memory and time mean something.
// biome-ignore lint/style/noDefaultExport: Vitest reads its configuration from the default export
export default defineConfig({
  test: {
    include: ['test/soak/**/*.test.ts'],
    testTimeout: 3_600_000,
    hookTimeout: 120_000,
    maxWorkers: 1,
    pool: 'forks',
    execArgv: ['--expose-gc'],
  },
});
