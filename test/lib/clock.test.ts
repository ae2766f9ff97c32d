import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../src/lib/time/clock.ts";

test("a sleep until a time that is past ends at once, and nothing is complained of", async () => {
  const warnings: string[] = [];
  const onWarning = (warning: Error) => warnings.push(warning.name);
  process.on("warning", onWarning);
  onTestFinished(() => void process.off("warning", onWarning));
  await systemClock.sleep(-20);
  // A warning is told in the next turn.
  await new Promise((resolve) => setImmediate(resolve));
  expect(warnings).toEqual([]);
});
