import { defineConfig } from 'vitest/config'

/** Unit tests stand beside the code; what spans modules stands in test/. The seed makes a property failure replayable. */
export default defineConfig({
  test: {
    pool: 'forks',
    setupFiles: ['test/seed.ts'],
    testTimeout: 20_000,
    hookTimeout: 30_000,
    env: { ENGRAM_TEST: '1', NO_COLOR: '1' },
    projects: [
      { extends: true, test: { name: 'unit', include: ['src/**/*.test.ts'] } },
      { extends: true, test: { name: 'tidy', include: ['test/tidy.test.ts'] } },
      {
        extends: true,
        test: { name: 'contract', include: ['test/contract/**/*.test.ts', 'test/golden/**/*.test.ts'] },
      },
      {
        extends: true,
        test: { name: 'e2e', include: ['test/e2e/**/*.test.ts', 'test/sim/**/*.test.ts'], testTimeout: 120_000 },
      },
    ],
  },
})
