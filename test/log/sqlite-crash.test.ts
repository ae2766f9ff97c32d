import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, onTestFinished, test } from "vitest";
import { UsageError } from "../../src/errors.ts";
import { CALLS_TOPIC } from "../../src/log/log.ts";
import { openSqliteLog } from "../../src/log/sqlite/index.ts";
import { record, takeAll, text, untilHeld } from "../contracts/log.contract.ts";

function newFile(): string {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-log-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "log.db");
}

/** A process of its own that opens the log and runs `work`, a function body with `log`, `print` and `CALLS_TOPIC`. */
function inProcess(path: string, work: string): { child: ChildProcess; lines: AsyncIterableIterator<string> } {
  const module = new URL("../../src/log/sqlite/index.ts", import.meta.url).href;
  const program = `
    import { openSqliteLog } from ${JSON.stringify(module)};
    const CALLS_TOPIC = ${JSON.stringify(CALLS_TOPIC)};
    const print = (line) => process.stdout.write(line + "\\n");
    const log = await openSqliteLog({ path: ${JSON.stringify(path)} });
    ${work}`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  return { child, lines: createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]() };
}

test("every record that a killed process was told is stored is there", { timeout: 60_000 }, async () => {
  const path = newFile();
  const acknowledged: string[] = [];
  for (let round = 0; round < 5; round += 1) {
    const { child, lines } = inProcess(
      path,
      `for (let i = 0; ; i += 1) {
        const value = "${round}-" + i;
        log.append({ topic: CALLS_TOPIC, key: value, value: Buffer.from(value), headers: {} }).then(() => print(value));
        if (i % 50 === 49) await new Promise((resolve) => setImmediate(resolve));
      }`,
    );
    let count = 0;
    for await (const line of lines) {
      acknowledged.push(line);
      count += 1;
      if (count === 400) child.kill("SIGKILL");
    }
    await once(child, "exit").catch(() => undefined);
  }
  const log = await openSqliteLog({ path });
  onTestFinished(() => log.close());
  const [range] = await log.ranges(CALLS_TOPIC);
  const stored = (await log.read({ topic: CALLS_TOPIC, partition: 0, from: 0, limit: 1_000_000 })).map(({ value }) => text(value));
  expect(stored).toHaveLength(range?.high ?? -1);
  expect(new Set(stored).size).toBe(stored.length);
  const there = new Set(stored);
  expect(acknowledged.length).toBeGreaterThanOrEqual(2_000);
  // The last line of a killed process may be cut.
  const missing = acknowledged.filter((value) => /^\d-\d+$/.test(value) && !there.has(value));
  expect(missing.filter((value) => !stored.some((one) => one.startsWith(value)))).toEqual([]);
});

test("what a killed process had taken is taken by the one that stands by, once its lease has run out", { timeout: 60_000 }, async () => {
  const path = newFile();
  const log = await openSqliteLog({ path });
  onTestFinished(() => log.close());
  await Promise.all(["a", "b", "c"].map((value) => log.append(record(value))));
  const { child, lines } = inProcess(
    path,
    `const subscription = await log.subscribe({ topic: CALLS_TOPIC, group: "g", start: [] });
     const taken = [];
     while (taken.length < 3) taken.push(...(await subscription.take({ max: 3 })));
     print("taken");`,
  );
  expect((await lines.next()).value).toBe("taken");
  const standby = await log.subscribe({ topic: CALLS_TOPIC, group: "g", start: [] });
  expect(standby.status().standby).toBe(true);
  child.kill("SIGKILL");
  await untilHeld(standby);
  expect((await takeAll(standby, 3)).map(({ message }) => text(message.value))).toEqual(["a", "b", "c"]);
});

test("a damaged file is refused, with what to do", async () => {
  const path = newFile();
  writeFileSync(path, "this is no database at all, but long enough to look like one".repeat(40));
  const opening = openSqliteLog({ path });
  await expect(opening).rejects.toBeInstanceOf(UsageError);
  await expect(opening).rejects.toMatchObject({ message: expect.stringContaining("damaged"), hint: expect.stringContaining("backup") });
});

test("a file whose end is cut off is never taken for a shorter log", async () => {
  const path = newFile();
  const log = await openSqliteLog({ path });
  await Promise.all(Array.from({ length: 500 }, () => log.append(record("x".repeat(1_000)))));
  await log.close();
  truncateSync(path, 40_960);
  const reading = async () => {
    const again = await openSqliteLog({ path });
    onTestFinished(() => again.close());
    return again.read({ topic: CALLS_TOPIC, partition: 0, from: 0, limit: 1_000 });
  };
  await expect(reading()).rejects.toThrow(/malformed|damaged/);
});
