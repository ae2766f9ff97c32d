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
          exclude: ["test/engines/**", "test/processes/**"],
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
