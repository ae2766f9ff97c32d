import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openSqliteLedger } from "../../src/ledger/sqlite/index.ts";
import { openSqliteLog } from "../../src/log/sqlite/index.ts";
import { runPatchbay } from "../support/patchbay-process.ts";

test("a route's losses are not whole until a person accepts them, or skips all that gathered", async () => {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-loss-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const destination = "destinations: { slack: { connector: slack, token: xoxb-1 } }";
  const route = (id: string) => `{ id: ${id}, to: slack, with: { channel: C0123456789 } }`;
  const sources = 'sources: { voiceinfra: { secrets: ["a-secret-of-some-length"] } }';
  writeFileSync(join(folder, "routes.yaml"), `version: 1\n${sources}\n${destination}\nroutes: [${["one", "two"].map(route).join(", ")}]\n`);
  await (await openSqliteLog({ path: join(folder, "data/patchbay.db") })).close();
  const ledger = await openSqliteLedger({ path: join(folder, "data/ledger.db") });
  for (const id of ["one", "two"]) {
    await ledger.noteLost({ route: id, partition: 0, from: 3, to: 5, kind: "retention", reason: "" });
    await ledger.noteLost({ route: id, partition: 0, from: 9, to: 10, kind: "unreadable", reason: "its checksum is wrong" });
  }
  await ledger.close();
  const run = (...args: string[]) => runPatchbay({ args, env: { PATCHBAY_USER: "ann" }, cwd: folder });
  const audit = async () => {
    const { code, stdout } = await run("audit", "--json");
    return { code, open: JSON.parse(stdout).routes };
  };
  const lost = { lostToRetention: 2, unreadable: 1 };

  expect(await audit()).toMatchObject({ code: 1, open: [lost, lost].map((one) => ({ ...one, lossAccepted: 0 })) });
  const { stdout } = await run("lag");
  expect(stdout).toContain(
    "one has lost calls: 2 that retention took before they were read (partition 0: 3–4); 1 that cannot be read (partition 0: 9): its checksum is wrong.",
  );
  expect(await run("accept-loss", "three", "--reason", "r")).toMatchObject({ code: 2 });
  expect(await run("accept-loss", "one", "--reason", "known")).toMatchObject({
    code: 0,
    stdout: "one: 3 calls are accepted as lost (partition 0: 3–4, partition 0: 9).\n",
  });
  expect(await audit()).toMatchObject({
    code: 1,
    open: [
      { ...lost, lossAccepted: 3 },
      { ...lost, lossAccepted: 0 },
    ],
  });
  expect(await run("resume", "two", "--skip", "--reason", "known", "--yes")).toMatchObject({ code: 0 });
  expect(await audit()).toMatchObject({ code: 0, open: [lost, lost].map((one) => ({ ...one, lossAccepted: 3 })) });
  const actions = (await run("actions")).stdout;
  expect(actions).toMatch(/ann\s+\S+\s+accept-loss\s+one\s+known/);
  expect(actions).toMatch(/ann\s+\S+\s+accept-loss\s+two\s+known/);
});
