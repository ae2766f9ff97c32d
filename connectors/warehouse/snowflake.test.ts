import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { OpenError, Secret } from "../../src/connector/index.ts";
import {
  deliveryOf,
  describeWarehouse,
  documentedCall,
  type EngineTraits,
  openWarehouse,
  plainRow,
} from "../../test/contracts/warehouse.contract.ts";
import { closedPort } from "../../test/support/ports.ts";
import { createSnowflakeStandIn } from "../../test/support/warehouse/snowflake.ts";
import { createTokens } from "./engines/snowflake/auth.ts";

const TABLE = '"ANALYTICS"."VOICE"."CALLS"';
const traits: EngineTraits = {
  timeType: "timestamp_tz",
  keyFix: /never/,
  numbersAsTexts: ["exp", "tiny", "endless"],
  tables: {
    older: [
      `CREATE TABLE ${TABLE} ("DELIVERY_KEY" VARCHAR, "CALL_ID" VARCHAR, "MINE" NUMBER(38,0))`,
      `INSERT INTO ${TABLE} VALUES ('voiceinfra/old', 'old', 7)`,
    ],
    foreign: [`CREATE TABLE ${TABLE} ("ID" NUMBER(38,0), "NOTE" VARCHAR)`],
    keyNotUnique: { cannot: "it enforces no key: MERGE keeps one row for each" },
    keyUniqueOtherwise: { cannot: "it enforces no key" },
    keyOfTwo: { cannot: "it enforces no key" },
    wrongType: [`CREATE TABLE ${TABLE} ("DELIVERY_KEY" VARCHAR, "START_TIME" NUMBER(38,0))`, `INSERT INTO ${TABLE} VALUES ('x', 1)`],
    mustBeFilled: [
      `CREATE TABLE ${TABLE} ("DELIVERY_KEY" VARCHAR NOT NULL, "REGION" VARCHAR NOT NULL, "FINE" VARCHAR DEFAULT 'x' NOT NULL)`,
    ],
    refusing: [`CREATE TABLE ${TABLE} ("DELIVERY_KEY" VARCHAR, "AGENT_ID" VARCHAR(15))`],
  },
};

const DOCUMENTED = { key: "voiceinfra/call_01HXYZ123456", receipt: { id: "voiceinfra/call_01HXYZ123456" } };

async function start() {
  const standIn = await createSnowflakeStandIn();
  const listener = getRequestListener((request) => standIn.fetch(request), {
    overrideGlobalObjects: false,
    errorHandler: () => new Response(null, { headers: { "x-lost": "yes" } }),
  });
  const server = createServer((request, response) => {
    const writeHead = response.writeHead.bind(response);
    // The answer of a stand-in that lost its connection never leaves.
    response.writeHead = ((...head: Parameters<typeof writeHead>) => {
      if (JSON.stringify(head).includes("x-lost")) request.socket.destroy();
      return writeHead(...head);
    }) as typeof response.writeHead;
    void listener(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = async () => {
    server.closeAllConnections();
    server.close();
    standIn.close();
  };
  return { standIn, settings: standIn.settings(`http://127.0.0.1:${(server.address() as AddressInfo).port}`), close };
}

describeWarehouse("Snowflake's stand-in", traits, async () => {
  const { standIn, settings, close } = await start();
  return { settings, run: standIn.admin, rows: async (table) => (await standIn.rows(table))?.map(plainRow), close };
});

describe("Snowflake", () => {
  let under: Awaited<ReturnType<typeof start>>;
  beforeEach(async () => {
    under = await start();
  });
  afterEach(() => under.close());
  const within = () => ({ signal: AbortSignal.timeout(120_000) });
  const merges = () => under.standIn.requests.filter(({ statement }) => statement.startsWith("MERGE"));
  const openFails = async (changes: Record<string, string>) => {
    const error = await openWarehouse({ ...under.settings, ...changes }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(OpenError);
    return (error as OpenError).outcome;
  };

  const fixedBy = (words: string) => ({ kind: "needs-fix", fix: expect.stringContaining(words) });
  const record = { kind: "retry", because: "record" };
  const server = { kind: "retry", because: "server" };

  test.each<[string, number, string, string, Record<string, string>, object]>([
    ["too many requests, with a wait", 429, "", "", { "retry-after": "7" }, { kind: "retry", because: "rate-limit", retryAfterMs: 7_000 }],
    ["too many requests", 429, "", "", {}, { kind: "retry", because: "rate-limit", retryAfterMs: 10_000 }],
    ["a lock", 422, "000625", "57014", {}, { ...record, code: "000625" }],
    ["a statement that somebody cancelled", 422, "000604", "57014", {}, record],
    ["a statement that an administrator cancelled", 422, "000605", "57014", {}, record],
    ["its time limit", 408, "000630", "57014", {}, { ...record, code: "000630" }],
    ["an internal error", 422, "000603", "XX000", {}, server],
    ["another internal error", 422, "300002", "XX000", {}, server],
    ["a failure", 500, "", "", {}, { ...server, code: "http_500" }],
    ["an outage", 503, "", "", { "retry-after": "37" }, { kind: "retry", because: "down", retryAfterMs: 37_000 }],
    ["a gateway's time limit", 504, "", "", {}, { kind: "retry", because: "down" }],
    ["an overload", 529, "", "", {}, { kind: "retry", because: "down" }],
    ["a token that counts no more", 401, "390144", "", {}, fixedBy("RSA_PUBLIC_KEY")],
    ["a token that has run out", 401, "390318", "", {}, fixedBy("RSA_PUBLIC_KEY")],
    ["a network policy", 403, "390422", "", {}, fixedBy("NETWORK POLICY")],
    ["a warehouse that is suspended", 422, "000608", "57014", {}, fixedBy("AUTO_RESUME")],
    ["credits that are used up, with the state of a value", 422, "090073", "22000", {}, fixedBy("quota")],
    ["an account that is suspended", 422, "000666", "57014", {}, fixedBy("payment")],
    ["a session without a database, with the state of a value", 422, "090105", "22000", {}, { kind: "needs-fix" }],
    ["an account that is not there", 404, "", "", {}, fixedBy("account")],
    ["a front that refuses", 403, "", "", {}, fixedBy("account")],
    ["an address that leads elsewhere", 302, "", "", { location: "https://elsewhere.example/" }, fixedBy("account")],
    ["a right that is missing", 422, "003001", "42501", {}, fixedBy("GRANT")],
    ["a table that is gone", 422, "002003", "42S02", {}, fixedBy("schema")],
    ["a statement it does not take", 422, "001003", "42000", {}, { kind: "needs-fix", code: "001003" }],
  ])("%s is told apart, asked once, and nothing of its message is passed on", async (_what, status, code, state, headers, outcome) => {
    const destination = await openWarehouse(under.settings);
    under.standIn.failNext(under.standIn.refusal(status, code, state, "about +14155550100", { ...headers }));
    const outcomes = await destination.send([deliveryOf(documentedCall()), deliveryOf(documentedCall({ call_id: "b" }))], within());
    expect(outcomes).toEqual([expect.objectContaining(outcome), expect.objectContaining(outcome)]);
    expect(JSON.stringify(outcomes)).not.toContain("1415555");
    expect(merges()).toHaveLength(1);
  });

  test.each([
    [
      "that wrote fewer rows than it was sent",
      () => ({ numRowsInserted: 1, numRowsUpdated: 0 }),
      { kind: "retry", because: "server", code: "rows_missing" },
    ],
    ["that says no number", () => null, { kind: "ambiguous", code: "not_proven" }],
  ])("a MERGE %s is no delivery, and a deletion without a number is none", async (_what, stats, outcome) => {
    const destination = await openWarehouse(under.settings);
    under.standIn.changeStats(stats);
    const outcomes = await destination.send([deliveryOf(documentedCall()), deliveryOf(documentedCall({ call_id: "b" }))], within());
    expect(outcomes).toEqual([expect.objectContaining(outcome), expect.objectContaining(outcome)]);
    under.standIn.changeStats(() => null);
    await expect(destination.erase?.(DOCUMENTED, within())).rejects.toThrow("does not say");
  });

  test("an answer that is lost is asked for once more, and the statement is not run twice", async () => {
    const destination = await openWarehouse(under.settings);
    under.standIn.loseAnswer();
    expect(await destination.send([deliveryOf(documentedCall())], within())).toMatchObject([{ kind: "delivered" }]);
    expect(merges().map(({ retry, executed }) => ({ retry, executed }))).toEqual([
      { retry: false, executed: true },
      { retry: true, executed: false },
    ]);
    expect(new Set(merges().map(({ requestId }) => requestId)).size).toBe(1);
  });

  test("a statement that takes its time is asked after until it is done", async () => {
    const destination = await openWarehouse(under.settings);
    under.standIn.beSlow();
    expect(await destination.send([deliveryOf(documentedCall())], within())).toMatchObject([{ kind: "delivered" }]);
    expect(merges()).toHaveLength(1);
  });

  test("a row is read back also where the statement takes its time, with columns that others made", async () => {
    await under.standIn.admin(`CREATE TABLE ${TABLE} ("DELIVERY_KEY" VARCHAR, "MINE" NUMBER(38,0) DEFAULT 7)`);
    const destination = await openWarehouse(under.settings);
    await destination.send([deliveryOf(documentedCall(), { tier: "gold" })], within());
    under.standIn.beSlow();
    expect(await destination.read?.(DOCUMENTED, within())).toMatchObject({
      start_time: "2025-01-15T14:23:00Z",
      duration_seconds: 147,
      mine: 7,
      tier: "gold",
    });
  });

  test("a row whose answer is lost is asked for once more", async () => {
    const destination = await openWarehouse(under.settings);
    await destination.send([deliveryOf(documentedCall())], within());
    under.standIn.loseAnswer();
    expect(await destination.read?.(DOCUMENTED, within())).toMatchObject({ call_id: "call_01HXYZ123456" });
    expect(under.standIn.requests.slice(-2).map(({ retry, executed }) => ({ retry, executed }))).toEqual([
      { retry: false, executed: true },
      { retry: true, executed: false },
    ]);
  });

  test.each([
    ["a table that was dropped", 422, "002003", "42S02", { kind: "needs-fix", code: "002003" }],
    ["a right that is missing", 422, "003001", "42501", { fix: expect.stringContaining("GRANT") }],
    ["an outage", 503, "", "", { kind: "retry", because: "down" }],
  ])("%s is told apart at reading too, and nothing of its message is passed on", async (_what, status, code, state, outcome) => {
    const destination = await openWarehouse(under.settings);
    under.standIn.failNext(under.standIn.refusal(status, code, state, "about +14155550100"));
    const error = await destination.read?.(DOCUMENTED, within()).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(OpenError);
    expect((error as OpenError).outcome).toMatchObject(outcome);
    expect(JSON.stringify((error as OpenError).outcome)).not.toContain("1415555");
  });

  test.each([`SELECT * FROM ${TABLE}`, `SELECT "CALL_ID" FROM ${TABLE} WHERE "DELIVERY_KEY" = ?`, `SELECT * FROM ${TABLE} WHERE TRUE`])(
    "the stand-in takes no other SELECT: %s",
    async (sql) => {
      await openWarehouse(under.settings);
      await expect(under.standIn.admin(sql)).rejects.toMatchObject({ code: "001003" });
    },
  );

  test("calls go together up to a megabyte, binds included, which Snowflake knows again by its request id; a longer one goes alone", async () => {
    const destination = await openWarehouse(under.settings);
    const deliveries = Array.from({ length: 500 }, (_, index) =>
      deliveryOf(documentedCall({ call_id: `call_${index}`, transcript: "word ".repeat(index === 250 ? 300_000 : 600) })),
    );
    expect(new Set((await destination.send(deliveries, within())).map(({ kind }) => kind))).toEqual(new Set(["delivered"]));
    const sizes = merges().map(({ bytes }) => bytes);
    expect(sizes.filter((bytes) => bytes > 1_000_000)).toHaveLength(1);
    expect(sizes.length).toBeLessThan(10);
  });

  test("a page in place of an answer says when to ask again", async () => {
    const destination = await openWarehouse(under.settings);
    under.standIn.failNext(new Response("<h1>marzipan</h1>", { status: 503, headers: { "retry-after": "37" } }));
    const outcomes = await destination.send([deliveryOf(documentedCall())], within());
    expect(outcomes).toMatchObject([{ kind: "retry", because: "down", retryAfterMs: 37_000 }]);
    expect(JSON.stringify(outcomes)).not.toContain("marzipan");
  });

  test("no request holds more than a VARIANT does, however many long calls are in a batch", async () => {
    const destination = await openWarehouse(under.settings);
    const transcript = '"quoted"\n'.repeat(90_000);
    const deliveries = Array.from({ length: 10 }, (_, index) => deliveryOf(documentedCall({ call_id: `call_${index}`, transcript })));
    expect((await destination.send(deliveries, within())).map(({ kind }) => kind)).toEqual(Array(10).fill("delivered"));
    expect(merges().length).toBeGreaterThan(1);
  });

  test.each([
    ["another key than the user's", { private_key: "" }, { kind: "needs-fix", code: "390144" }],
    ["another account", { url: "snowflake://other/analytics/voice?warehouse=loading" }, { kind: "needs-fix", code: "390144" }],
    ["a role that the user has not", { url: "snowflake://acme-calls/analytics/voice?warehouse=loading&role=boss" }, { code: "390189" }],
    ["no warehouse", { url: "snowflake://acme-calls/analytics/voice" }, { code: "000606", fix: expect.stringContaining("warehouse=") }],
    ["a schema that is not there", { url: "snowflake://acme-calls/analytics/nowhere?warehouse=loading" }, { code: "390201" }],
    [
      "a name in quotes, which keeps its letters",
      { url: 'snowflake://acme-calls/"analytics"/voice?warehouse=loading' },
      { code: "390201" },
    ],
    ["a key that is none", { private_key: "hunter2" }, { kind: "needs-fix", code: "private_key" }],
  ])("%s is said, with what to do", async (_what, changes, outcome) => {
    const other = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    const settings = "private_key" in changes && changes.private_key === "" ? { private_key: other } : changes;
    const failed = await openFails(settings as Record<string, string>);
    expect(failed).toMatchObject({ kind: "needs-fix", ...outcome });
    expect(JSON.stringify(failed)).not.toContain("hunter2");
  });

  test("a key whose lines are written with \\n, as variables have them, is read", async () => {
    const private_key = (under.settings.private_key ?? "").replaceAll("\n", "\\n");
    await expect(openWarehouse({ ...under.settings, private_key })).resolves.toBeDefined();
  });

  test("a token is made anew before its hour is over", () => {
    let nowMs = Date.parse("2026-01-15T10:00:00Z");
    const token = createTokens({
      account: "acme-calls",
      username: "patchbay",
      privateKey: new Secret(under.settings.private_key ?? ""),
      nowMs: () => nowMs,
    });
    const expiry = (jwt: string) => JSON.parse(Buffer.from(jwt.split(".")[1] ?? "", "base64url").toString()).exp * 1000;
    const first = token();
    nowMs += 50 * 60_000;
    expect(token()).toBe(first);
    nowMs += 5 * 60_000;
    expect(token()).not.toBe(first);
    expect(expiry(token())).toBeGreaterThan(nowMs);
  });

  test("an address at which nobody listens is waited for", async () => {
    expect(await openFails({ base_url: `http://127.0.0.1:${await closedPort()}` })).toMatchObject({ kind: "retry", because: "down" });
  });

  test("a page of a proxy is no answer, and goes nowhere", async () => {
    const destination = await openWarehouse(under.settings);
    under.standIn.failNext(new Response("<h1>about +14155550100</h1>", { status: 502, headers: { "content-type": "text/html" } }));
    const outcomes = await destination.send([deliveryOf(documentedCall())], within());
    expect(outcomes).toMatchObject([{ kind: "retry", because: "server", code: "http_502" }]);
  });
});
