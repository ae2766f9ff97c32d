import { defineConfig } from "vitest/config";

// Two cores and one machine: tests that start brokers and databases run apart from those that need nothing.
export default defineConfig({
  test: {
    maxWorkers: 2,
    maxConcurrency: 2,
    projects: [
      {
        test: {
          name: "fast",
          include: ["test/**/*.test.ts", "connectors/**/*.test.ts"],
          exclude: ["test/engines/**", "test/processes/**", "test/outside/**"],
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: "engines",
          include: ["test/engines/**/*.test.ts"],
          globalSetup: ["test/support/global-setup.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        // Against what nobody here wrote: packages of vendors from their registries. `npm run test:outside`.
        test: {
          name: "outside",
          include: ["test/outside/**/*.test.ts"],
          globalSetup: ["test/outside/support/setup.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: "processes",
          include: ["test/processes/**/*.test.ts"],
          globalSetup: ["test/support/global-setup.ts"],
          fileParallelism: false,
          testTimeout: 240_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
