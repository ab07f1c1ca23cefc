import { defineConfig } from 'vitest/config';

// Two cores: more workers than that only make timings worse.
// biome-ignore lint/style/noDefaultExport: Vitest reads its configuration from the default export
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/soak/**'],
    globalSetup: ['test/support/memory-disk.ts'],
    setupFiles: process.env['ROLLCALL_SOAK_SEED'] === undefined ? [] : ['test/support/property-seed.ts'],
    // Only a hang takes this long; a slow machine must not fail a test.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
    pool: 'forks',
    // Loading and warming up the modules takes a file longer than most tests do; the files share no state in them.
    isolate: false,
  },
});
