import { globSync, readFileSync } from "node:fs";
import { defineConfig } from "vitest/config";

// Every test awaits what it expects; a deadline only ends one that would never end. None is near to what a busy machine needs.
const DEADLINES = { testTimeout: 240_000, hookTimeout: 240_000, expect: { poll: { timeout: 120_000 } } };
/** What a program has compiled once it need not compile at each start: half of its start. */
const env = { NODE_COMPILE_CACHE: `${import.meta.dirname}/node_modules/.cache/patchbay-tests` };
const shared = { env, ...DEADLINES };
const setupFiles = ["test/support/left-behind.ts"];

const all = globSync(["test/**/*.test.ts", "connectors/**/*.test.ts"], { cwd: import.meta.dirname });
const withServices = all.filter((file) => /^test\/(engines|processes|outside)\//.test(file));
/** Known by its imports, so that no list has to be kept. */
const startsPrograms = (file: string) =>
  /from "(node:child_process|.*\/(patchbay-process|command-line)\.ts)"/.test(readFileSync(`${import.meta.dirname}/${file}`, "utf8"));
/** In-process, but for a minute or so: real clocks, generated records of every kind, databases in files. */
const LONG =
  /(^test\/(delivery\/.*sqlite|certify\/|docs\/containers)|^connectors\/warehouse\/.*(parquet|snowflake|bigquery|duckdb)|phones\.test)/;
const commands = all.filter((file) => !withServices.includes(file) && (LONG.test(file) || startsPrograms(file)));
const fast = all.filter((file) => !withServices.includes(file) && !commands.includes(file));

// Tests that start brokers and databases run apart from those that need nothing. Two cores keep three workers busy: many tests wait.
export default defineConfig({
  test: {
    maxWorkers: 3,
    maxConcurrency: 3,
    projects: [
      // `npm run test:fast`: nothing but this process.
      { test: { name: "fast", include: fast, isolate: false, setupFiles, ...shared } },
      { test: { name: "commands", include: commands, setupFiles, ...shared } },
      {
        test: {
          name: "engines",
          include: ["test/engines/**/*.test.ts"],
          globalSetup: ["test/support/global-setup.ts"],
          ...shared,
        },
      },
      {
        // Against what nobody here wrote: packages of vendors from their registries. `npm run test:outside`.
        test: {
          name: "outside",
          include: ["test/outside/**/*.test.ts"],
          globalSetup: ["test/outside/support/setup.ts"],
          ...DEADLINES,
        },
      },
      {
        test: {
          name: "processes",
          include: ["test/processes/**/*.test.ts"],
          globalSetup: ["test/support/global-setup.ts"],
          fileParallelism: false,
          ...shared,
        },
      },
    ],
  },
});
