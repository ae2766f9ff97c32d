import { randomUUID } from "node:crypto";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from "vitest";
import { post } from "../../src/commands/send.ts";
import { openSqliteLog } from "../../src/log/sqlite/index.ts";
import { documentedCall } from "../support/documented-call.ts";
import type { JavaBroker } from "../support/kafka/java-broker.ts";
import { startOwnKafka } from "../support/kafka.ts";
import { type PatchbayProcess, runPatchbay, startPatchbay } from "../support/patchbay-process.ts";

const SECRET = "log-replaced-secret-of-32-letters";
const postgres = inject("postgres");

/** A folder with a routes file whose one destination keeps what it gets as files, and the commands in it. */
function setUp(urls: { log: string; ledger: string }) {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-log-replaced-"));
  writeFileSync(
    join(folder, "routes.yaml"),
    `version: 1
sources: { voiceinfra: { secrets: ["\${SECRET}"] } }
destinations: { files: { connector: archive, url: "file:out" } }
routes: [{ id: keep, to: files, start: beginning }]
`,
  );
  const env = { SECRET, PATCHBAY_LOG: urls.log, PATCHBAY_LEDGER: urls.ledger };
  let webhook = "";

  async function start(): Promise<PatchbayProcess> {
    const up = startPatchbay({ args: ["up", "--port", "0", "--ops-port", "0"], env, cwd: folder });
    onTestFinished(() => up.end("SIGKILL").then(() => undefined));
    webhook = `${(await up.logged("up")).url}/webhooks/voiceinfra`;
    return up;
  }
  async function send(callId: string, summary: string): Promise<void> {
    const body = Buffer.from(JSON.stringify(documentedCall({ call_id: callId, summary })));
    expect((await post({ url: webhook, secret: SECRET, body })).status).toBe(200);
  }
  const run = (...args: string[]) => runPatchbay({ args, env, cwd: folder });
  const audit = async () => JSON.parse((await run("audit", "--json")).stdout);
  /** Summaries of the archive's files, by call. */
  const summaries = (): Record<string, string> => {
    const files = readdirSync(join(folder, "out"), { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".json"));
    const records = files.map((name) => JSON.parse(readFileSync(join(folder, "out", name), "utf8")));
    return Object.fromEntries(records.map((record) => [record.call_id, record.summary]));
  };
  const settled = async (count: number) => {
    await expect.poll(() => Object.keys(summaries()).length).toBe(count);
    await expect.poll(async () => (await audit()).routes[0]?.unread, { interval: 300 }).toBe(0);
  };
  return { folder, start, send, run, audit, summaries, settled, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

describe("files restored at different ages", () => {
  const at = setUp({ log: "sqlite:data/log.db", ledger: "sqlite:data/ledger.db" });
  afterAll(at.remove);

  test("a log older than its ledger is refused with the ways out, told by lag and audit, and adopted: corrections arrive, nothing twice", async () => {
    const up = await at.start();
    for (const callId of ["a", "b"]) await at.send(callId, "first");
    await at.settled(2);
    expect(await up.end()).toBe(0);
    const copy = join(at.folder, "copy");
    cpSync(join(at.folder, "data"), copy, { recursive: true });

    const again = await at.start();
    for (const callId of ["c", "d", "e"]) await at.send(callId, "first");
    await at.settled(5);
    expect(await again.end()).toBe(0);
    for (const name of readdirSync(join(at.folder, "data")).filter((one) => one.startsWith("log.db")))
      rmSync(join(at.folder, "data", name));
    for (const name of readdirSync(copy).filter((one) => one.startsWith("log.db"))) cpSync(join(copy, name), join(at.folder, "data", name));

    const refused = await at.run("up", "--port", "0", "--ops-port", "0");
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/has seen calls that the log .* does not have/);
    expect(refused.stderr).toMatch(/patchbay restore.*patchbay adopt-log/s);
    expect((await at.run("lag")).stdout).toMatch(/Connectors do not start: the ledger .* has seen calls that the log/);
    const audit = await at.run("audit");
    expect(audit).toMatchObject({ code: 1, stdout: expect.stringContaining("NOT whole: the ledger") });

    expect((await at.run("adopt-log", "--json")).code).toBe(2);
    expect((await at.run("up", "--port", "0", "--ops-port", "0")).code).toBe(2);
    expect((await at.run("adopt-log", "--yes")).stdout).toMatch(/Adopted/);
    const adopted = await at.start();
    // At offsets that the ledger knows from calls of the lost part.
    await at.send("d", "corrected");
    await at.send("f", "first");
    await at.settled(6);
    expect(at.summaries()).toMatchObject({ a: "first", c: "first", d: "corrected", f: "first" });
    expect((await at.run("audit")).code).toBe(0);
    expect((await at.run("adopt-log", "--yes")).stderr).toMatch(/belong together/);
    expect(await adopted.end()).toBe(0);
  });

  test("adopt-log is refused while a process delivers", async () => {
    const up = await at.start();
    for (const name of ["g", "h"]) await at.send(name, "first");
    await at.settled(8);
    const env = { PATCHBAY_LOG: "sqlite:data/other.db", PATCHBAY_LEDGER: "sqlite:data/ledger.db" };
    await (await openSqliteLog({ path: join(at.folder, "data/other.db") })).close();
    const refused = await runPatchbay({ args: ["adopt-log", "--yes"], env, cwd: at.folder });
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringMatching(/1 process delivers with this ledger/) });
    expect(await up.end()).toBe(0);
  });
});

describe("a Kafka whose volume was lost, and a PostgreSQL that was kept", () => {
  const missing = "missing" in postgres ? postgres.missing : undefined;
  const clusterId = Buffer.alloc(16, 7).toString("base64url");
  let brokers: (JavaBroker | { missing: string })[] = [];
  beforeAll(async () => {
    // One cluster id for both, as the image of apache/kafka gives it to every cluster.
    if (missing === undefined) brokers = [await startOwnKafka({ clusterId }), await startOwnKafka({ clusterId })];
  });
  afterAll(async () => {
    for (const broker of brokers) if ("kill" in broker) await broker.kill();
  });

  test.skipIf(missing !== undefined)(
    `is refused although the cluster has the same id, and adopted: what the new log has is delivered, once${missing === undefined ? "" : ` (SKIPPED: ${missing})`}`,
    async ({ skip }) => {
      const [first, second] = brokers;
      if (!first || !second || "missing" in first || "missing" in second) return skip("no Kafka");
      const ledger = `${"missing" in postgres ? "" : postgres.url}?schema=replaced_${randomUUID().slice(0, 8)}`;
      const before = setUp({ log: `kafka://${first.address}?partitions=2`, ledger });
      const after = setUp({ log: `kafka://${second.address}?partitions=2`, ledger });
      onTestFinished(() => {
        for (const at of [before, after]) at.remove();
      });

      const up = await before.start();
      for (const callId of ["a", "b", "c", "d", "e", "f"]) await before.send(callId, "first");
      await before.settled(6);
      expect(await up.end()).toBe(0);

      const refused = await after.run("up", "--port", "0", "--ops-port", "0");
      expect(refused.code).toBe(2);
      expect(refused.stderr).toMatch(/belongs to another log.*adopt-log/s);
      expect((await after.run("adopt-log", "--yes")).code).toBe(0);
      await after.start();
      await after.send("a", "corrected");
      await after.send("g", "first");
      await after.settled(2);
      expect(after.summaries()).toEqual({ a: "corrected", g: "first" });
      expect((await after.run("audit")).code).toBe(0);
    },
  );
});
