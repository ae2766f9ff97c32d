import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { PLANTED_BUGS } from "../simulation/bugs.ts";

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, "../..");

/** In a process of its own: the seeds and their order of events are then the same wherever they run. */
async function simulate(args: string[], options: { bug?: number } = {}): Promise<{ code: number; stdout: string; stderr: string }> {
  const planting = options.bug === undefined ? [] : ["--import", "./test/simulation/plant.ts"];
  try {
    const { stdout, stderr } = await run(process.execPath, [...planting, "test/simulation/run.ts", ...args], {
      cwd: ROOT,
      env: { ...process.env, PLANTED_BUG: String(options.bug) },
    });
    return { code: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
}

/** Half a minute each at most on two cores of their own, and many more where others work beside them. */
const TIMEOUT_MS = 20 * 60_000;
/** Lived by each half; `npm run simulate` lives 100,000. */
const DELIVERIES = 8_000;

describe.concurrent("the delivery core in simulation", { timeout: TIMEOUT_MS }, () => {
  test.each([
    ["the first half", 1],
    ["the second half", 1_001],
  ])("keeps every promise over thousands of deliveries with crashes, freezes, outages and edits: %s", async (_, seed) => {
    const { stdout, stderr } = await simulate(["--deliveries", String(DELIVERIES), "--seed", String(seed), "--json"]);
    expect(stderr).toBe("");
    const report = JSON.parse(stdout);
    expect(report.deliveries).toBeGreaterThanOrEqual(DELIVERIES);
    expect(report.crashes).toBeGreaterThan(40);
  });

  test("a seed replays exactly", async () => {
    const [one, two] = await Promise.all([0, 1].map(() => simulate(["--seed", "7", "--deliveries", "1", "--trace", "c17"])));
    const told = (text = "") =>
      text
        .split("\n")
        .filter((line) => /^ +\d+ /.test(line))
        .map((line) => line.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, "<claim>"));
    expect(told(one?.stdout).length).toBeGreaterThan(10);
    expect(told(one?.stdout)).toEqual(told(two?.stdout));
  });
});

describe.concurrent("a bug planted in the source is found, with the seed that shows it", { timeout: TIMEOUT_MS }, () => {
  test.each(PLANTED_BUGS.map(({ name, seed = 1 }, bug) => [name, bug, seed] as const))("%s", async (_, bug, seed) => {
    const { code, stderr } = await simulate(["--deliveries", "150000", "--seed", String(seed)], { bug });
    expect(stderr).toMatch(/^seed \d+ breaks a promise:\n.*\n(.*\n)*Again: npm run simulate/);
    expect(code).toBe(1);
  });
});
