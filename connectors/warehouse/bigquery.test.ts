import { createRequire } from "node:module";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { OpenError, type Sandbox } from "../../src/connector/index.ts";
import { serveSandbox } from "../../src/sandbox/serve.ts";
import {
  deliveryOf,
  describeWarehouse,
  documentedCall,
  type EngineTraits,
  openWarehouse,
  plainRow,
} from "../../test/contracts/warehouse.contract.ts";
import { closedPort } from "../../test/support/ports.ts";
import { createBigQueryStandIn } from "../../test/support/warehouse/bigquery.ts";
import { loadBigQuery } from "./engines/bigquery/auth.ts";

const TABLE = "`acme-calls.voice.calls`";
const traits: EngineTraits = {
  timeType: "timestamp",
  keyFix: /never/,
  numbersAsTexts: ["price", "exp", "tiny", "endless"],
  tables: {
    older: [
      `CREATE TABLE ${TABLE} (delivery_key STRING, call_id STRING, mine INT64)`,
      `INSERT INTO ${TABLE} VALUES ('voiceinfra/old', 'old', 7)`,
    ],
    foreign: [`CREATE TABLE ${TABLE} (id INT64, note STRING)`],
    keyNotUnique: { cannot: "it enforces no key: MERGE keeps one row for each" },
    keyUniqueOtherwise: { cannot: "it enforces no key" },
    keyOfTwo: { cannot: "it enforces no key" },
    wrongType: [`CREATE TABLE ${TABLE} (delivery_key STRING, start_time INT64)`, `INSERT INTO ${TABLE} VALUES ('x', 1)`],
    mustBeFilled: [`CREATE TABLE ${TABLE} (delivery_key STRING NOT NULL, region STRING NOT NULL, fine STRING DEFAULT 'x' NOT NULL)`],
    refusing: [`CREATE TABLE ${TABLE} (delivery_key STRING, agent_id STRING(15))`],
  },
};

const DOCUMENTED = { key: "voiceinfra/call_01HXYZ123456", receipt: { id: "voiceinfra/call_01HXYZ123456" } };

async function start() {
  const standIn = await createBigQueryStandIn();
  const served = await serveSandbox({ sandbox: { ...standIn, records: async () => [], example: {} } as unknown as Sandbox });
  return { standIn, settings: standIn.settings(served.url), close: () => served.close() };
}

describeWarehouse("BigQuery's stand-in", traits, async () => {
  const { standIn, settings, close } = await start();
  return { settings, run: standIn.admin, rows: async (table) => (await standIn.rows(table))?.map(plainRow), close };
});

describe("BigQuery", () => {
  let under: Awaited<ReturnType<typeof start>>;
  beforeEach(async () => {
    under = await start();
  });
  afterEach(() => under.close());
  const within = () => ({ signal: AbortSignal.timeout(120_000) });
  const queries = () => under.standIn.requests.filter(({ path }) => path.endsWith("/queries"));
  const openFails = async (changes: Record<string, string>) => {
    const error = await openWarehouse({ ...under.settings, ...changes }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(OpenError);
    return (error as OpenError).outcome;
  };

  const record = { kind: "retry", because: "record" };
  const server = { kind: "retry", because: "server" };
  const down = { kind: "retry", because: "down" };
  const slower = { kind: "retry", because: "rate-limit", retryAfterMs: 10_000 };
  const usedUp = { kind: "retry", because: "rate-limit", retryAfterMs: 600_000 };
  const fixedBy = (words: string) => ({ kind: "needs-fix", fix: expect.stringContaining(words) });

  test.each<[number, string, object]>([
    [403, "rateLimitExceeded", slower],
    [400, "jobRateLimitExceeded", slower],
    [403, "userRateLimitExceeded", slower],
    [400, "resourcesExceeded", slower],
    [429, "", slower],
    [403, "quotaExceeded", usedUp],
    [403, "dailyLimitExceeded", usedUp],
    [403, "blocked", { ...down, retryAfterMs: 600_000 }],
    [503, "backendError", down],
    [500, "backendError", down],
    [400, "tableUnavailable", down],
    [500, "internalError", server],
    [400, "jobInternalError", server],
    [400, "jobBackendError", server],
    [200, "stopped", server],
    [400, "timeout", record],
    [400, "resourceInUse", record],
    [409, "duplicate", record],
    [403, "accessDenied", fixedBy("BigQuery Data Editor")],
    [403, "forbidden", fixedBy("BigQuery Data Editor")],
    [401, "authError", fixedBy("service account")],
    [400, "invalidUser", fixedBy("service account")],
    [403, "billingNotEnabled", fixedBy("billing")],
    [403, "accessNotConfigured", fixedBy("bigquery.googleapis.com")],
    [404, "notFound", fixedBy("dataset")],
    [501, "notImplemented", { kind: "needs-fix" }],
    [400, "invalidQuery", { kind: "needs-fix", code: "invalidQuery" }],
    [400, "invalid", { kind: "needs-fix", code: "invalid" }],
  ])("%i %s is told apart, asked once, and nothing of its message is passed on", async (status, reason, outcome) => {
    const destination = await openWarehouse(under.settings);
    under.standIn.requests.length = 0;
    const words = "about +14155550100";
    const inAnswer = Response.json({ jobComplete: true, errors: [{ reason, message: words }] });
    under.standIn.failNext(status === 200 ? inAnswer : under.standIn.refusal(status, reason, words));
    const outcomes = await destination.send([deliveryOf(documentedCall()), deliveryOf(documentedCall({ call_id: "b" }))], within());
    expect(outcomes).toEqual([expect.objectContaining(outcome), expect.objectContaining(outcome)]);
    expect(JSON.stringify(outcomes)).not.toContain("1415555");
    expect(queries()).toHaveLength(1);
  });

  test.each<[number, object]>([
    [302, { kind: "needs-fix", fix: expect.stringContaining("base_url") }],
    [404, { kind: "needs-fix", fix: expect.stringContaining("base_url") }],
    // The standard of fetch makes an error of it that says nothing.
    [407, { kind: "ambiguous", code: "fetch_failed" }],
    [200, server],
    [502, server],
    [503, { ...down, retryAfterMs: 37_000 }],
    [529, { ...down, retryAfterMs: 37_000 }],
  ])("a page with status %i, which is none of BigQuery's, is followed nowhere and speaks of the way there", async (status, outcome) => {
    const destination = await openWarehouse(under.settings);
    const headers = { location: "https://elsewhere.example/", "retry-after": "37" };
    under.standIn.failNext(new Response("<h1>marzipan</h1>", { status, headers }));
    const outcomes = await destination.send([deliveryOf(documentedCall())], within());
    expect(outcomes).toEqual([expect.objectContaining(outcome)]);
    expect(JSON.stringify(outcomes)).not.toContain("marzipan");
  });

  test("rows that somebody streamed in just now are waited for, and no value of a call is taken for a login", async () => {
    const destination = await openWarehouse(under.settings);
    const streamed = "UPDATE or DELETE statement over table x would affect rows in the streaming buffer, which is not supported";
    under.standIn.failNext(under.standIn.refusal(400, "invalidQuery", streamed));
    expect(await destination.send([deliveryOf(documentedCall())], within())).toMatchObject([{ ...record, retryAfterMs: 600_000 }]);
    under.standIn.failNext(under.standIn.refusal(400, "invalidQuery", "Bad double value: my private key was invalid_grant"));
    expect(await destination.send([deliveryOf(documentedCall())], within())).toMatchObject([{ kind: "rejected" }]);
  });

  test.each([
    [503, { kind: "retry", because: "down" }],
    [429, { kind: "retry", because: "down" }],
    [302, { kind: "needs-fix", code: "credentials" }],
    [403, { kind: "needs-fix", code: "credentials" }],
  ])("an exchange for a token that ends in %i is told apart", async (status, outcome) => {
    under.standIn.failTokens(new Response("<h1>marzipan</h1>", { status, headers: { location: "https://elsewhere.example/" } }));
    expect(await openFails({})).toMatchObject(outcome);
  });

  test("an attempt that is given up ends its request", async () => {
    const destination = await openWarehouse(under.settings);
    under.standIn.neverAnswer();
    expect(await destination.send([deliveryOf(documentedCall())], { signal: AbortSignal.timeout(200) })).toMatchObject([
      { kind: "ambiguous" },
    ]);
    await under.standIn.gone();
  });

  test("a conflict with another statement is tried again, and the row is not refused", async () => {
    const destination = await openWarehouse(under.settings);
    under.standIn.failNext(
      under.standIn.refusal(400, "invalidQuery", "Could not serialize access to table acme-calls:voice.calls due to concurrent update"),
    );
    expect(await destination.send([deliveryOf(documentedCall())], within())).toMatchObject([{ kind: "retry", because: "record" }]);
  });

  test.each([
    ["that wrote fewer rows than it was sent", { numDmlAffectedRows: "1" }, { kind: "retry", because: "server", code: "rows_missing" }],
    ["that says no number", { numDmlAffectedRows: undefined }, { kind: "ambiguous", code: "not_proven" }],
    [
      "that failed, in an answer of 200",
      { numDmlAffectedRows: undefined, errors: [{ reason: "backendError", message: "about +14155550100" }] },
      { kind: "retry", because: "down", code: "backendError" },
    ],
  ])("a MERGE %s is no delivery", async (_what, change, outcome) => {
    const destination = await openWarehouse(under.settings);
    under.standIn.changeAnswers((answer) => ({ ...answer, ...change }));
    const outcomes = await destination.send([deliveryOf(documentedCall()), deliveryOf(documentedCall({ call_id: "b" }))], within());
    expect(outcomes).toEqual([expect.objectContaining(outcome), expect.objectContaining(outcome)]);
    expect(JSON.stringify(outcomes)).not.toContain("1415555");
  });

  test("a value that is refused in an answer of 200 refuses its own row", async () => {
    const destination = await openWarehouse(under.settings);
    const failed = { numDmlAffectedRows: undefined, errors: [{ reason: "invalidQuery", message: "Bad double value: 1e999" }] };
    under.standIn.changeAnswers((answer) => (answer.numDmlAffectedRows === "2" ? { ...answer, ...failed } : answer));
    const outcomes = await destination.send([deliveryOf(documentedCall()), deliveryOf(documentedCall({ call_id: "b" }))], within());
    expect(outcomes).toMatchObject([{ kind: "delivered" }, { kind: "delivered" }]);
    under.standIn.changeAnswers((answer) => ({ ...answer, ...failed }));
    expect(await destination.send([deliveryOf(documentedCall())], within())).toMatchObject([{ kind: "rejected", code: "invalidQuery" }]);
  });

  test("warnings in the answer of a MERGE that wrote every row are no failure, nor is the number in parts", async () => {
    const destination = await openWarehouse(under.settings);
    under.standIn.changeAnswers((answer) => ({ ...answer, errors: [{ reason: "warning", message: "slow" }] }));
    expect(await destination.send([deliveryOf(documentedCall())], within())).toMatchObject([{ kind: "delivered" }]);
    const dmlStats = { insertedRowCount: "0", updatedRowCount: "1", deletedRowCount: "0" };
    under.standIn.changeAnswers((answer) => ({ ...answer, numDmlAffectedRows: undefined, dmlStats }));
    expect(await destination.send([deliveryOf(documentedCall())], within())).toMatchObject([{ kind: "delivered" }]);
  });

  test("a table that is answered to be made, and is not there, is no table", async () => {
    under.standIn.failNext(Response.json({ jobComplete: true, jobReference: { jobId: "j", projectId: "acme-calls" } }));
    expect(await openFails({})).toMatchObject({ kind: "retry", code: "not_made" });
  });

  test("a deletion that says no number is not taken for one", async () => {
    const destination = await openWarehouse(under.settings);
    await destination.send([deliveryOf(documentedCall())], within());
    under.standIn.changeAnswers((answer) => ({ ...answer, numDmlAffectedRows: undefined }));
    await expect(destination.erase?.(DOCUMENTED, within())).rejects.toThrow("does not say");
  });

  test("a table that is not there yet is known by the reason, whatever the sentence is", async () => {
    under.standIn.sayNoTable("acme-calls:voice.calls: keine solche Tabelle");
    const destination = await openWarehouse(under.settings);
    expect(await destination.send([deliveryOf(documentedCall())], within())).toMatchObject([{ kind: "delivered" }]);
  });

  test("credentials put nothing on the console, which the library calls deprecated as an option", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    onTestFinished(() => warn.mockRestore());
    await openWarehouse(under.settings);
    expect(warn).not.toHaveBeenCalled();
  });

  test("a statement that takes its time is asked after until it is done", async () => {
    const destination = await openWarehouse(under.settings);
    under.standIn.beSlow();
    expect(await destination.send([deliveryOf(documentedCall())], within())).toMatchObject([{ kind: "delivered" }]);
    expect(under.standIn.requests.at(-1)?.path).toMatch(/^GET .*\/queries\/job_/);
  });

  test("a row is read back also where the statement takes its time, and a time without fractions is short", async () => {
    const destination = await openWarehouse(under.settings);
    under.standIn.beSlow();
    await destination.send([deliveryOf(documentedCall({ end_time: "2025-01-15T14:25:27.5Z" }), { tier: "gold" })], within());
    expect(await destination.read?.(DOCUMENTED, within())).toMatchObject({
      start_time: "2025-01-15T14:23:00Z",
      end_time: "2025-01-15T14:25:27.500Z",
      duration_seconds: 147,
      tier: "gold",
    });
  });

  test.each([
    ["a table that was dropped", 404, "notFound", "Not found: Table acme-calls:voice.calls about +14155550100", { kind: "needs-fix" }],
    ["a right that is missing", 403, "accessDenied", "about +14155550100", { fix: expect.stringContaining("BigQuery Data Editor") }],
    ["an outage", 503, "backendError", "about +14155550100", { kind: "retry", because: "down" }],
  ])("%s is told apart at reading too, and nothing of its message is passed on", async (_what, status, reason, message, outcome) => {
    const destination = await openWarehouse(under.settings);
    under.standIn.failNext(under.standIn.refusal(status, reason, message));
    const error = await destination.read?.(DOCUMENTED, within()).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(OpenError);
    expect((error as OpenError).outcome).toMatchObject(outcome);
    expect(JSON.stringify((error as OpenError).outcome)).not.toContain("1415555");
  });

  test.each([
    `SELECT * FROM ${TABLE} WHERE \`delivery_key\` = @key`,
    `SELECT TO_JSON_STRING(other) AS line FROM ${TABLE} AS patchbay_row WHERE \`delivery_key\` = @key`,
    `SELECT TO_JSON_STRING(patchbay_row) AS line FROM ${TABLE} AS patchbay_row`,
  ])("the stand-in takes no other SELECT: %s", async (sql) => {
    await openWarehouse(under.settings);
    await expect(under.standIn.admin(sql)).rejects.toMatchObject({ status: 400, reason: "invalidQuery" });
  });

  test("no request is larger than BigQuery takes, however many long calls are in a batch", async () => {
    const destination = await openWarehouse(under.settings);
    under.standIn.requests.length = 0;
    const transcript = '"quoted"\n'.repeat(90_000);
    const deliveries = Array.from({ length: 10 }, (_, index) => deliveryOf(documentedCall({ call_id: `call_${index}`, transcript })));
    expect((await destination.send(deliveries, within())).map(({ kind }) => kind)).toEqual(Array(10).fill("delivered"));
    expect(queries().length).toBeGreaterThan(1);
    expect(Math.max(...queries().map(({ bytes }) => bytes))).toBeLessThan(10_000_000);
  });

  test("a call that no request can hold is refused alone", async () => {
    const destination = await openWarehouse(under.settings);
    const outcomes = await destination.send(
      [deliveryOf(documentedCall({ call_id: "a", transcript: '"'.repeat(3_000_000) })), deliveryOf(documentedCall({ call_id: "b" }))],
      within(),
    );
    expect(outcomes).toMatchObject([{ kind: "rejected", code: "too_large" }, { kind: "delivered" }]);
  });

  test("a key of an account that Google does not know is said, with what to do", async () => {
    const credentials = JSON.stringify({
      ...JSON.parse(under.settings.credentials ?? ""),
      client_email: "gone@acme-calls.iam.gserviceaccount.com",
    });
    expect(await openFails({ credentials })).toMatchObject({
      kind: "needs-fix",
      code: "credentials",
      fix: expect.stringContaining("service account"),
    });
  });

  test("credentials that are no key are not quoted", async () => {
    const outcome = await openFails({ credentials: "hunter2-is-no-json" });
    expect(outcome).toMatchObject({ kind: "needs-fix", code: "credentials" });
    expect(JSON.stringify(outcome)).not.toContain("hunter2");
  });

  test("a dataset that is not there, or is elsewhere, is said", async () => {
    expect(await openFails({ url: "bigquery://acme-calls/nowhere" })).toMatchObject({ kind: "needs-fix", code: "notFound" });
    expect(await openFails({ location: "us-east1" })).toMatchObject({ kind: "needs-fix", fix: expect.stringContaining("location") });
  });

  test("a token that counts no more is unauthorized", async () => {
    const destination = await openWarehouse(under.settings);
    under.standIn.expireTokens();
    expect(await destination.send([deliveryOf(documentedCall())], within())).toMatchObject([{ kind: "needs-fix", code: "authError" }]);
  });

  test("an address at which nobody listens is waited for", async () => {
    const base_url = `http://127.0.0.1:${await closedPort()}`;
    const credentials = JSON.stringify({ ...JSON.parse(under.settings.credentials ?? ""), token_uri: `${base_url}/token` });
    expect(await openFails({ base_url, credentials })).toMatchObject({ kind: "retry", because: "down" });
  });

  test("a library that is not installed is said, with how to install it", async () => {
    const load = async () => createRequire(import.meta.url)("@google-cloud/no-such-library");
    await expect(loadBigQuery(load)).rejects.toMatchObject({
      outcome: { kind: "needs-fix", fix: "Run: npm install @google-cloud/bigquery" },
    });
  });
});
