import { defineConfig } from 'vitest/config';
import { SummaryReporter } from './test/fixtures/summary-reporter.ts';

/** The workspace's packages are used from their sources, as in development: nothing to build. */
const sourceCondition = 'tasktrail-source';

/** Vite's own for code that runs on a server, which setting any replaces. */
const viteConditions = ['node', 'development|production'];

export default defineConfig({
  ssr: { resolve: { conditions: [sourceCondition, ...viteConditions] } },
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/fixtures/canary-watch.ts'],
    // Forked, so that a file's servers and handles end with its process, whatever it leaves behind.
    pool: 'forks',
    // For what Node itself loads in a worker, past Vite's resolver.
    execArgv: [`--conditions=${sourceCondition}`],
    maxWorkers: 2,
    // Generous: continuous integration shares two busy cores, and these only bound what hangs.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    teardownTimeout: 10_000,
    reporters: ['default', new SummaryReporter()],
  },
});
