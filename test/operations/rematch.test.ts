import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { openLog } from "../../src/app.ts";
import { OpenError, RematchError } from "../../src/connector/index.ts";
import type { Ledger, Receipt } from "../../src/ledger/ledger.ts";
import { openSqliteLedger } from "../../src/ledger/sqlite/index.ts";
import { createLogger } from "../../src/lib/process/logger.ts";
import { CALLS_TOPIC } from "../../src/log/log.ts";
import { recordKey, toHeaders } from "../../src/model/envelope.ts";
import { chooseDelivery, rematchDelivery } from "../../src/operations/rematch.ts";
import { loadRoutes } from "../../src/routes/index.ts";
import { documentedExample } from "../../src/sandbox/calls.ts";
import { testDestination } from "../delivery/destination.ts";
import { runPatchbay } from "../support/patchbay-process.ts";

const DANA = { id: "101", kind: "contact", name: "Dana Example" };
const ON_DANA: Receipt = { id: "7", url: "https://crm.example/calls/7", person: DANA, found: 3, extra: { note: "n1" } };

/** A ledger of its own, as a file that the commands read too. */
async function openTestLedger() {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-rematch-"));
  const ledger = await openSqliteLedger({ path: join(folder, "ledger.db") });
  onTestFinished(async () => {
    await ledger.close();
    rmSync(folder, { recursive: true, force: true });
  });
  /** Claims it; `settle` delivers it. */
  async function deliver(route: string, callId: string, receipt: Receipt, more: { offset?: number; source?: string } = {}) {
    const { offset = 1, source = "main" } = more;
    const item = { route, source, callId, partition: 0, offset, hash: `h${offset}`, acceptedAt: Date.now() };
    const [answer] = await ledger.claim({ worker: "w", leaseMs: 60_000, items: [item] });
    const claimId = answer?.kind === "claimed" ? answer.claim.claimId : "";
    const settle = () =>
      ledger.settle([{ route, source, callId, claimId, routesVersion: "v", settlement: { kind: "delivered", receipt, sentFields: [] } }]);
    return { settle };
  }
  const delivered = async (...args: Parameters<typeof deliver>) => (await deliver(...args)).settle();
  return { folder, ledger, deliver, delivered };
}

function crmRoutes(destination = testDestination({ title: "CRM", people: true })) {
  const text = `version: 1
sources: { main: { allow_unsigned: true } }
destinations: { crm: { connector: test }, chat: { connector: chat }, archive: { connector: archive } }
routes: [{ id: log, to: crm }, { id: second, to: crm, record: second }, { id: tell, to: chat }, { id: all-to-archive, to: archive }]
`;
  const chat = testDestination({ keeps: "message", name: "chat", title: "Chat" }).connector;
  const archive = testDestination({ name: "archive", title: "Archive" }).connector;
  const connectors = { test: destination.connector, chat, archive };
  const { routes } = loadRoutes({ path: "routes.yaml", text, env: {}, connectors, role: { kind: "all" } });
  const of = (id: string) => routes.find((route) => route.id === id) ?? routes[0];
  return { destination, routes, of };
}

async function rowOf(ledger: Ledger, route: string, callId: string) {
  const [row] = await ledger.deliveries({ route, callId, limit: 1 });
  if (!row) throw new Error(`${callId} is not on ${route}`);
  return row;
}

describe("a call put on the person that somebody chose", () => {
  async function setUp() {
    const { ledger, deliver, delivered } = await openTestLedger();
    const { destination, of } = crmRoutes();
    const asked: { key: string; receipt: Receipt; to: string }[] = [];
    destination.rematches(async (left) => {
      asked.push(left);
      return { ...left.receipt, person: { id: left.to, kind: "contact", name: "Lee Example" } };
    });
    const rematch = async (route: string, callId: string) => {
      const found = of(route);
      if (!found) throw new Error(route);
      const row = await rowOf(ledger, route, callId);
      return rematchDelivery({ row, route: found, to: "202", timezone: "UTC", by: "ann", ledger, clock: { sleep: async () => undefined } });
    };
    return { ledger, deliver, delivered, destination, asked, rematch };
  }

  test("is on them at the destination and in the ledger, keeps all else of its receipt, and is no longer listed", async () => {
    const { ledger, delivered, destination, asked, rematch } = await setUp();
    await delivered("log", "a", ON_DANA);
    const receipt = { ...ON_DANA, person: { id: "202", kind: "contact", name: "Lee Example" }, found: 1 };
    expect(await rematch("log", "a")).toEqual({ receipt });
    expect(asked).toEqual([{ key: "main/a", receipt: ON_DANA, to: "202" }]);
    expect((await rowOf(ledger, "log", "a")).receipt).toEqual(receipt);
    expect(await ledger.deliveries({ unmatched: true, limit: 10 })).toEqual([]);
    expect(destination.closed).toHaveLength(1);
  });

  test("that gets a late summary just then is put right with the receipt that the summary left", async () => {
    const { ledger, delivered, destination, asked, rematch } = await setUp();
    await delivered("log", "a", ON_DANA);
    destination.rematches(async (left) => {
      asked.push(left);
      // The first time, while the destination is being asked.
      if (asked.length === 1) await delivered("log", "a", { ...ON_DANA, extra: { note: "n2" } }, { offset: 2 });
      return { ...left.receipt, person: { id: left.to, kind: "contact", name: "Lee Example" } };
    });
    expect(await rematch("log", "a")).toMatchObject({ receipt: { person: { id: "202" }, extra: { note: "n2" } } });
    expect(asked.map(({ receipt }) => receipt.extra)).toEqual([{ note: "n1" }, { note: "n2" }]);
    expect((await rowOf(ledger, "log", "a")).receipt).toMatchObject({ person: { id: "202" }, extra: { note: "n2" }, found: 1 });
  });

  test("that is under way for longer than a moment is left alone, and says so", async () => {
    const { deliver, delivered, asked, rematch } = await setUp();
    await delivered("log", "a", ON_DANA);
    await deliver("log", "a", ON_DANA, { offset: 2 });
    expect(await rematch("log", "a")).toEqual({ refused: "a is being updated on log just now: run it again in a moment" });
    expect(asked).toEqual([]);
  });

  test("stays where it is, with the reason, when there is no such person", async () => {
    const { ledger, delivered, destination, rematch } = await setUp();
    await delivered("log", "a", ON_DANA);
    destination.rematches(async () => {
      throw new RematchError("there is no contact 202: give the id in the address of its page");
    });
    expect(await rematch("log", "a")).toEqual({ refused: "there is no contact 202: give the id in the address of its page" });
    expect((await rowOf(ledger, "log", "a")).receipt).toEqual(ON_DANA);
  });

  test("cannot be where calls are logged on nobody, nor while the destination refuses us or does not answer: each says what to do", async () => {
    const { delivered, destination, rematch } = await setUp();
    await delivered("tell", "a", { id: "1" });
    await expect(rematch("tell", "a")).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining("Chat logs calls on nobody"),
    });
    await delivered("log", "a", ON_DANA);
    destination.rematches(() => Promise.reject(Object.assign(new Error("refused"), { code: "ECONNREFUSED" })));
    await expect(rematch("log", "a")).rejects.toMatchObject({ exitCode: 3, message: "crm does not answer" });
    destination.connector.open = () =>
      Promise.reject(new OpenError({ kind: "needs-fix", code: "401", reason: "the token is refused", fix: "Make a new one" }));
    await expect(rematch("log", "a")).rejects.toMatchObject({
      exitCode: 2,
      message: "crm cannot be used: the token is refused",
      hint: "Make a new one",
    });
  });
});

describe("which delivery is meant", () => {
  test("is the one that looked for a person; where several did, or two sources have the call, it asks", async () => {
    const { ledger, delivered } = await openTestLedger();
    const { routes } = crmRoutes();
    const choose = async (callId: string, named = false) =>
      chooseDelivery({ rows: await ledger.deliveries({ callId, limit: 10 }), routes, named })?.route;
    await delivered("tell", "a", { id: "1" });
    expect(await choose("a")).toBeUndefined();
    // An archive keeps a record of each call, and logs it on nobody.
    await delivered("all-to-archive", "z", { id: "1" });
    expect(await choose("z")).toBeUndefined();
    expect(await choose("a", true)).toBe("tell");
    // A withheld number: nobody was looked for, and there is a record all the same.
    await delivered("log", "a", { id: "7" });
    expect(await choose("a")).toBe("log");
    await delivered("second", "a", { id: "8", found: 0 });
    expect(await choose("a")).toBe("second");
    await delivered("log", "b", ON_DANA);
    await delivered("second", "b", ON_DANA);
    await expect(choose("b")).rejects.toThrow("several routes have this call: log, second");
    await delivered("log", "c", ON_DANA);
    await delivered("log", "c", ON_DANA, { source: "other" });
    await expect(choose("c")).rejects.toThrow("several sources have this call: main, other");
  });
});

describe("patchbay deliveries --unmatched, patchbay rematch", () => {
  async function setUp() {
    const { folder, ledger, delivered } = await openTestLedger();
    writeFileSync(
      join(folder, "routes.yaml"),
      `version: 1
sources: { main: { secrets: ["\${SECRET}"] } }
destinations: { slack: { connector: slack, token: "\${SLACK_TOKEN}" } }
routes: [{ id: to-slack, to: slack, with: { channel: C0123456789 } }]
`,
    );
    const env = { PATCHBAY_LEDGER: `sqlite:${join(folder, "ledger.db")}`, PATCHBAY_LOG: `sqlite:${join(folder, "log.db")}` };
    const run = (...args: string[]) => runPatchbay({ args, env: { ...env, SLACK_TOKEN: "xoxb-1" }, cwd: folder });
    return { folder, ledger, delivered, run };
  }

  test("lists what found nobody or several, with the reason and the person; the table names the person everywhere", async () => {
    const { delivered, run } = await setUp();
    await delivered("log", "three", ON_DANA);
    await delivered("log", "nobody", { id: "8", found: 0 });
    await delivered("log", "two", { id: "9", found: 2 });
    await delivered("log", "made", { id: "10", found: 0, person: { id: "5", kind: "contact" } });
    await delivered("log", "right", { ...ON_DANA, found: 1 });
    const { code, stdout } = await run("deliveries", "--unmatched");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^three .* Dana Example +https:\/\/crm.example\/calls\/7 +3 people have the number, logged on Dana Example$/m);
    expect(stdout).toMatch(/^nobody .* nobody has the number$/m);
    expect(stdout).toMatch(/^two .* 2 people have the number, logged on nobody$/m);
    expect(stdout).toMatch(/^made .* contact 5 .* nobody had the number, logged on contact 5$/m);
    expect(stdout).not.toMatch(/^right/m);
    expect(stdout).toContain("patchbay rematch <call> --to");
    const rows = JSON.parse((await run("deliveries", "three", "--unmatched", "--json")).stdout);
    expect(rows).toMatchObject([{ callId: "three", receipt: ON_DANA, why: "3 people have the number, logged on Dana Example" }]);
    expect((await run("deliveries", "right")).stdout).toMatch(/PERSON.*\n.*Dana Example/);
    expect(await run("deliveries", "right", "--unmatched")).toMatchObject({ code: 0, stderr: expect.stringContaining("Every call found") });
    expect((await run("deliveries", "--unmatched", "--state", "dead")).code).toBe(2);
  });

  test("names the number that one searches the CRM by, both where the customer's side is not known, and says where there is none", async () => {
    const { folder, delivered, run } = await setUp();
    const logger = createLogger({ level: "silent" });
    const log = await openLog({ url: `sqlite:${join(folder, "log.db")}`, logger });
    const headers = toHeaders({ source: "main", acceptedAt: Date.now(), requestId: "r" });
    const place = async (call_id: string, more: Record<string, unknown>) => {
      const call = { ...JSON.parse(documentedExample().toString()), call_id, ...more };
      const record = { topic: CALLS_TOPIC, key: recordKey("main", call_id), value: Buffer.from(JSON.stringify(call)), headers };
      return (await log.append(record)).offset;
    };
    const known = { metadata: { direction: "INBOUND" }, from_number: "+14155550100" };
    await delivered("log", "known", { id: "1", found: 0 }, { offset: await place("known", known) });
    const either = { from_number: "+14155550101", to_number: "+18005559876" };
    await delivered("log", "either", { id: "2", found: 0, extra: { side: "unknown" } }, { offset: await place("either", either) });
    const hidden = { metadata: { direction: "inbound" }, from_number: "anonymous" };
    await delivered("log", "hidden", { id: "3", found: 2 }, { offset: await place("hidden", hidden) });
    await delivered("log", "gone", { id: "4", found: 0 }, { offset: 77 });
    await delivered("log", "other", { id: "5", found: 0 }, { offset: await place("not-other", known) });
    await log.close();
    const { code, stdout, stderr } = await run("deliveries", "--unmatched");
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^known .* \+14155550100 .* nobody has the number$/m);
    expect(stdout).toMatch(
      /^either .* \+14155550101 or \+18005559876 .* nobody has either number; which side is the customer is not known/m,
    );
    expect(stdout).toMatch(/^hidden .* withheld .* 2 people have the number/m);
    for (const call of ["gone", "other"]) expect(stdout).toMatch(new RegExp(`^${call} .* gone from the log .*nobody has the number$`, "m"));
    const rows = JSON.parse((await run("deliveries", "--unmatched", "--json")).stdout) as { callId: string; numbers?: string[] }[];
    expect(rows.find(({ callId }) => callId === "either")?.numbers).toEqual(["+14155550101", "+18005559876"]);
    expect(rows.find(({ callId }) => callId === "gone")).toMatchObject({ numbersMissing: "gone from the log" });
    // Nowhere else.
    expect((await run("deliveries")).stdout).not.toContain("415555");
    expect((await run("deliveries", "--json")).stdout).not.toContain("415555");
  });

  test("where the log cannot be read the list comes without numbers, and says so", async () => {
    const { delivered, run } = await setUp();
    await delivered("log", "nobody", { id: "8", found: 0 });
    const { code, stdout, stderr } = await run("deliveries", "--unmatched");
    expect([code, stderr]).toEqual([0, expect.stringContaining("The numbers are not shown, since the log cannot be read")]);
    expect(stdout).toMatch(/^nobody .* nobody has the number$/m);
  });

  test("names what a destination refused and the record does without", async () => {
    const { delivered, run } = await setUp();
    await delivered("log", "a", { ...ON_DANA, found: 1, extra: { left_out: "OwnerId (INACTIVE_OWNER_OR_USER)" } });
    expect((await run("deliveries", "a")).stdout).toContain("refused, and left out: OwnerId (INACTIVE_OWNER_OR_USER)");
  });

  test("a clear answer to every wrong question, and nothing is changed", async () => {
    const { ledger, delivered, run } = await setUp();
    await delivered("to-slack", "posted", { id: "1" });
    await delivered("gone", "a", ON_DANA);
    const item = { route: "to-slack", source: "main", callId: "waits", partition: 0, offset: 1, hash: "h", acceptedAt: Date.now() };
    const [answer] = await ledger.claim({ worker: "w", leaseMs: 60_000, items: [item] });
    const claimId = answer?.kind === "claimed" ? answer.claim.claimId : "";
    const settlement = { kind: "waiting", dueInMs: 60_000, errorCode: "423", reason: "locked", body: Buffer.from("{}") } as const;
    await ledger.settle([{ ...item, claimId, routesVersion: "v", settlement }]);
    const cases: [string[], number, RegExp][] = [
      [["nobody", "--to", "202"], 1, /No route has come to the call nobody yet/],
      [["posted", "--to", "202", "--source", "other"], 1, /come to the call posted of other yet/],
      [["posted", "--to", "+14155550100"], 2, /--to is a phone number.*id of the person's record/s],
      [["posted"], 2, /--to <id>.*not specified/],
      [["posted", "--to", "202", "--route", "to-slak"], 2, /Did you mean "to-slack"/],
      [["posted", "--to", "202"], 1, /to-slack: delivered, which logs calls on nobody/],
      [["waits", "--to", "202"], 1, /nothing of the call waits to put right yet.*to-slack: waiting, 423: locked/s],
      [["a", "--to", "202"], 2, /"gone" is not in routes.yaml any more/],
      [["posted", "--to", "202", "--route", "to-slack"], 2, /Add --yes/],
    ];
    const answers = await Promise.all(cases.map(([args]) => run("rematch", ...args)));
    for (const [index, [args, code, says]] of cases.entries()) {
      const answered = answers[index] ?? { code: -1, stderr: "" };
      expect(`${args.join(" ")}: ${answered.code} ${answered.stderr}`).toMatch(new RegExp(`: ${code} .*${says.source}`, "s"));
      expect(answered.stderr).not.toMatch(/at file:/);
    }
    expect((await ledger.deliveries({ callId: "a", limit: 1 }))[0]?.receipt).toEqual(ON_DANA);
    expect(await ledger.actions({ limit: 5 })).toEqual([]);
  });
});
