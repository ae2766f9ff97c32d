import { createServer, type Socket } from "node:net";
import { describe, expect, test } from "vitest";
import type { OpenDestination } from "../../../src/connector/index.ts";
import {
  atTheEnd,
  count,
  deliveryOf,
  documentedCall,
  opening,
  openWith,
  receiptOf,
  send,
  sendOne,
  startOrg,
  tasksOf,
  UPSERT,
} from "../../../test/support/salesforce.ts";
import { outcomeOfSalesforceError } from "../errors.ts";
import type { SalesforceWith } from "../mapping.ts";
import { readVendorErrors, SalesforceError } from "../vendor-error.ts";

describe("when Salesforce refuses", () => {
  test("a locked row is tried once more, then waits", async () => {
    const org = await startOrg();
    const destination = await org.open();
    org.sandbox.lockRows(1);
    const outcomes = await send(destination, ...["call_1", "call_2"].map((call_id) => deliveryOf(documentedCall({ call_id }))));
    expect(outcomes.map(({ kind }) => kind)).toEqual(["delivered", "delivered"]);
    expect(count(org, UPSERT)).toBe(2);
    org.sandbox.lockRows(2);
    expect(await sendOne(destination, deliveryOf(documentedCall({ call_id: "call_3" })))).toMatchObject({
      kind: "retry",
      because: "record",
      code: "UNABLE_TO_LOCK_ROW",
    });
    expect(await tasksOf(org)).toHaveLength(2);
  });

  test("many locked rows are tried again in small requests, not in one that would lock itself", async () => {
    const org = await startOrg();
    const destination = await org.open();
    const deliveries = Array.from({ length: 30 }, (_, index) => deliveryOf(documentedCall({ call_id: `call_${index}` })));
    let tries = 0;
    org.fault.now = (request) => {
      if (request.method !== "PATCH") return undefined;
      if (tries === 0) org.sandbox.lockRows(24);
      tries += 1;
      return undefined;
    };
    const outcomes = await send(destination, ...deliveries);
    expect(outcomes.filter(({ kind }) => kind === "delivered")).toHaveLength(30);
    // 24 of them, three at a time.
    expect(count(org, UPSERT)).toBe(1 + 8);
  });

  test("two calls that Salesforce takes for one do not fail each other", async () => {
    const org = await startOrg();
    const outcomes = await send(
      await org.open(),
      ...["call_a", "call_A", "call_b"].map((call_id) => deliveryOf(documentedCall({ call_id }))),
    );
    expect(outcomes.map((outcome) => (outcome.kind === "rejected" ? outcome.code : outcome.kind))).toEqual([
      "delivered",
      "same_external_id",
      "delivered",
    ]);
  });

  test("the record that the org refuses for good is refused alone", async () => {
    const org = await startOrg();
    org.sandbox.refuse("voiceinfra/call_2");
    const outcomes = await send(
      await org.open(),
      ...["call_1", "call_2", "call_3"].map((call_id) => deliveryOf(documentedCall({ call_id }))),
    );
    expect(outcomes.map(({ kind }) => kind)).toEqual(["delivered", "rejected", "delivered"]);
    expect(outcomes[1]).toMatchObject({
      code: "FIELD_CUSTOM_VALIDATION_EXCEPTION",
      reason: expect.stringContaining("a validation rule of the org"),
    });
  });

  test("a detail that is refused costs the call that detail alone, and no receipt quotes the call", async () => {
    const org = await startOrg();
    const secretText = "SECRET-WORD";
    const outcomes = await send(
      await org.open(),
      deliveryOf(documentedCall({ call_id: "call_1" })),
      deliveryOf(documentedCall({ call_id: "call_2" }), { with: { fields: { Nowhere__c: secretText, Campaign__c: "Spring" } } }),
      deliveryOf(documentedCall({ call_id: "call_3" }), { with: { fields: { Campaign__c: secretText.repeat(20) } } }),
      deliveryOf(documentedCall({ call_id: "call_4" }), { with: { fields: { callType: secretText, campaign__c: secretText.repeat(20) } } }),
      deliveryOf(documentedCall({ call_id: "call_5" })),
    );
    expect(outcomes.map((outcome) => (outcome.kind === "delivered" ? outcome.receipt.extra?.left_out : outcome.kind))).toEqual([
      undefined,
      "Nowhere__c (INVALID_FIELD)",
      "Campaign__c (STRING_TOO_LONG)",
      "CallType (INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST), campaign__c (STRING_TOO_LONG)",
      undefined,
    ]);
    expect(JSON.stringify(outcomes)).not.toContain(secretText);
    const records = (await org.sandbox.records()).toSorted((a, b) => a.key.localeCompare(b.key));
    expect(records.map(({ body }) => body.Campaign__c)).toEqual([undefined, "Spring", undefined, undefined, undefined]);
  });

  test("a field that the org has not, or the user may not write, is left out of later calls at once", async () => {
    const org = await startOrg();
    const destination = await org.open();
    const call = (call_id: string) => deliveryOf(documentedCall({ call_id }), { with: { fields: { Nowhere__c: "x" } } });
    await sendOne(destination, call("call_1"));
    const before = count(org, UPSERT);
    expect((await receiptOf(sendOne(destination, call("call_2")))).extra?.left_out).toBe("Nowhere__c (INVALID_FIELD)");
    expect(count(org, UPSERT)).toBe(before + 1);
  });

  test("what a Task cannot be without is not left out: the record is refused alone, with its field", async () => {
    const org = await startOrg();
    const destination = await org.open();
    const item = (statusCode: string, fields: string[]) => ({ success: false, errors: [{ statusCode, message: "no", fields }] });
    for (const [statusCode, fields, reason] of [
      ["INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", ["Status"], "a value is not in its field's picklist: Status"],
      ["REQUIRED_FIELD_MISSING", ["Reason__c"], "the org requires a field that is not set: set it under `fields`: Reason__c"],
      ["FIELD_CUSTOM_VALIDATION_EXCEPTION", ["ActivityDate", "CallType"], expect.stringContaining("a validation rule of the org")],
    ] as const) {
      org.fault.now = (request) => (request.method === "PATCH" ? Response.json([item(statusCode, [...fields])]) : undefined);
      expect(await sendOne(destination, deliveryOf(documentedCall()))).toMatchObject({ kind: "rejected", code: statusCode, reason });
    }
  });

  test.each([
    ["STRING_TOO_LONG", "Subject"],
    ["STRING_TOO_LONG", "Description"],
  ])("%s of %s: its end is left out, not the call", async (statusCode, field) => {
    const org = await startOrg();
    const destination = await org.open();
    const longest = 50;
    org.fault.now = async (request) => {
      if (request.method !== "PATCH") return org.sandbox.fetch(request);
      const { records } = (await request.clone().json()) as { records: Record<string, string>[] };
      const isLong = String(records[0]?.[field] ?? "").length > longest;
      const errors = [{ statusCode, message: `${field}: data value too large`, fields: [field] }];
      return isLong ? Response.json([{ success: false, errors }]) : org.sandbox.fetch(request);
    };
    const long = documentedCall({ agent_name: "An agent with a name that is not short", summary: "A summary of the call" });
    const receipt = await receiptOf(sendOne(destination, deliveryOf(long, { with: { body: "B".repeat(100), title: "T".repeat(100) } })));
    expect(receipt.extra?.left_out).toBe(`the end of ${field} (STRING_TOO_LONG)`);
    expect(String((await tasksOf(org))[0]?.[field]).length).toBeLessThanOrEqual(longest);
  });

  test("a value that spoils the whole request is found, and the others are delivered", async () => {
    const org = await startOrg();
    const deliveries = Array.from({ length: 9 }, (_, index) =>
      deliveryOf(documentedCall({ call_id: `call_${index}` }), { with: index === 4 ? { fields: { ActivityDate: "Thursday" } } : {} }),
    );
    const outcomes = await send(await org.open(), ...deliveries);
    expect(outcomes.map(({ kind }) => kind)).toEqual(deliveries.map((_, index) => (index === 4 ? "rejected" : "delivered")));
    expect(outcomes[4]).toMatchObject({ code: "JSON_PARSER_ERROR" });
    expect(JSON.stringify(outcomes[4])).not.toContain("Thursday");
    expect(await tasksOf(org)).toHaveLength(8);
  });

  test("a used-up daily limit is waited for", async () => {
    const org = await startOrg({ dailyRequests: 1_000 });
    const destination = await org.open();
    org.sandbox.useUp(1_000);
    expect(await sendOne(destination, deliveryOf(documentedCall({ call_id: "call_2" })))).toEqual({
      kind: "retry",
      because: "rate-limit",
      code: "REQUEST_LIMIT_EXCEEDED",
      reason: "the org has used up its API requests of the last 24 hours",
      retryAfterMs: 900_000,
    });
  });

  test.each([
    [503, { kind: "retry", because: "down", code: "SERVER_UNAVAILABLE" }, [{ errorCode: "SERVER_UNAVAILABLE", message: "busy" }]],
    [503, { kind: "retry", because: "down", code: "HTTP_503" }, "<html>maintenance</html>"],
    [502, { kind: "retry", because: "down", code: "HTTP_502" }, "<html>bad gateway</html>"],
    [504, { kind: "retry", because: "server", code: "HTTP_504" }, "<html>gateway timeout</html>"],
    [500, { kind: "retry", because: "server", code: "UNKNOWN_EXCEPTION" }, [{ errorCode: "UNKNOWN_EXCEPTION", message: "oops" }]],
    [429, { kind: "retry", because: "rate-limit", code: "HTTP_429", retryAfterMs: 7_000 }, ""],
    [403, { kind: "needs-fix", code: "API_DISABLED_FOR_ORG" }, [{ errorCode: "API_DISABLED_FOR_ORG", message: "no" }]],
    [302, { kind: "needs-fix", code: "HTTP_302" }, ""],
    [200, { kind: "ambiguous", code: "UNREADABLE_ANSWER" }, "<html>hello</html>"],
    [200, { kind: "ambiguous", code: "UNREADABLE_ANSWER" }, []],
  ])("an upsert answered %i is %j, after one try", async (status, expected, body) => {
    const org = await startOrg();
    const destination = await org.open();
    let tries = 0;
    org.fault.now = (request) => {
      if (request.method !== "PATCH") return undefined;
      tries += 1;
      const headers = { "retry-after": "7", location: "https://elsewhere.example.com/" };
      if (typeof body !== "string") return Response.json(body, { status });
      return new Response(body, { status, headers: { "content-type": "text/html", ...headers } });
    };
    expect(await sendOne(destination, deliveryOf(documentedCall()))).toMatchObject(expected);
    expect(tries).toBe(1);
  });

  test("a search that fails is tried once, and the call waits without having been written", async () => {
    const org = await startOrg();
    const destination = await org.open();
    let tries = 0;
    org.fault.now = (request) => {
      if (!request.url.includes("/search/")) return undefined;
      tries += 1;
      return new Response("<html>", { status: 502, headers: { "content-type": "text/html" } });
    };
    expect(await sendOne(destination, deliveryOf(documentedCall()))).toMatchObject({ kind: "retry", because: "down", code: "HTTP_502" });
    expect([tries, count(org, UPSERT)]).toEqual([1, 0]);
  });

  test("several Tasks with one key need a person, and the reason says what to do", () => {
    for (const code of ["MULTIPLE_CHOICES", "DUPLICATE_EXTERNAL_ID"]) {
      expect(outcomeOfSalesforceError(new SalesforceError({ errors: [{ code }] }))).toMatchObject({
        kind: "rejected",
        reason: expect.stringContaining("delete all but one"),
      });
    }
  });

  test("both of Salesforce's names for a code are read, and its messages are kept out", () => {
    expect(
      readVendorErrors([{ statusCode: "STRING_TOO_LONG", message: "Subject: data value too large: hello", fields: ["Subject"] }]),
    ).toEqual([{ code: "STRING_TOO_LONG", fields: ["Subject"] }]);
    expect(readVendorErrors([{ errorCode: "REQUEST_LIMIT_EXCEEDED", message: "ConcurrentPerOrgLongTxn Limit exceeded." }])).toEqual([
      { code: "REQUEST_LIMIT_EXCEEDED", fields: [], limit: "concurrent" },
    ]);
    expect(readVendorErrors("<html>")).toEqual([]);
    expect(readVendorErrors([{ message: "no code" }, null, 4])).toEqual([]);
  });

  test("whatever is thrown has an outcome", () => {
    for (const thrown of [
      undefined,
      "text",
      new Error("x"),
      new SalesforceError({}),
      new SalesforceError({ errors: [{ code: "NEW_CODE" }] }),
    ]) {
      expect(["ambiguous", "rejected"]).toContain(outcomeOfSalesforceError(thrown).kind);
    }
  });
});

describe("when the line fails", () => {
  /** A server that handles each request as the test says. */
  async function startRaw(onRequest: (socket: Socket) => void): Promise<{ url: string; close(): Promise<void> }> {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket.on("error", () => undefined));
      socket.once("data", () => onRequest(socket));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const close = () => {
      for (const socket of sockets) socket.destroy();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    };
    atTheEnd.push(close);
    return { url: `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`, close };
  }

  /** A connector whose org has moved, since it was opened, to `url`. */
  async function openMovedTo(url: string): Promise<OpenDestination<SalesforceWith>> {
    const org = await startOrg();
    const destination = await org.open();
    org.sandbox.expireTokens();
    org.fault.now = (request) =>
      request.url.endsWith("/token")
        ? Response.json({ access_token: "t", instance_url: url, id: "a/b/c", token_type: "Bearer" })
        : undefined;
    return destination;
  }

  const withoutSearch = documentedCall({ customer_number: "" });

  test("a refused connection is down: calls wait, before they are written and when they would be", async () => {
    const gone = await startRaw(() => undefined);
    await gone.close();
    const down = { kind: "retry", because: "down", code: "ECONNREFUSED" };
    expect(await sendOne(await openMovedTo(gone.url), deliveryOf(withoutSearch))).toMatchObject(down);
    expect(await sendOne(await openMovedTo(gone.url), deliveryOf(documentedCall()))).toMatchObject(down);
    expect(await opening(openWith({ login_url: gone.url, client_id: "a", client_secret: "b" }))).toMatchObject({
      kind: "retry",
      because: "down",
    });
  });

  test.each([
    ["before the answer", (socket: Socket) => socket.destroy()],
    [
      "in the middle of the answer",
      (socket: Socket) =>
        socket.write('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n[{"id":', () => socket.destroy()),
    ],
  ])("a connection that is dropped %s leaves an upsert unclear, a search not, and the process alive", async (_, onRequest) => {
    const dropping = await startRaw(onRequest);
    const unclear = { kind: "ambiguous", reason: "the request was sent and no answer came" };
    expect(await sendOne(await openMovedTo(dropping.url), deliveryOf(withoutSearch))).toMatchObject(unclear);
    expect(await sendOne(await openMovedTo(dropping.url), deliveryOf(documentedCall()))).toMatchObject({
      kind: "retry",
      because: "record",
    });
    expect(await opening(openWith({ login_url: dropping.url, client_id: "a", client_secret: "b" }))).toMatchObject({
      kind: "retry",
      because: "down",
    });
  });

  test("an answer that does not come ends with the attempt's time, for upserts and for logins", async () => {
    const silent = await startRaw(() => undefined);
    expect(await opening(openWith({ login_url: silent.url, client_id: "a", client_secret: "b" }, 100))).toMatchObject({
      kind: "retry",
      because: "down",
    });
    const destination = await openMovedTo(silent.url);
    const [outcome] = await destination.send([deliveryOf(withoutSearch)], { signal: AbortSignal.timeout(200) });
    expect(outcome).toMatchObject({ kind: "ambiguous" });
  });
});
