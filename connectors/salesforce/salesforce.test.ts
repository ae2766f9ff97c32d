import { generateKeyPairSync } from "node:crypto";
import { createServer, type Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { type Delivery, type OpenDestination, OpenError, type Outcome, type Receipt, type SharedCall } from "../../src/connector.ts";
import { serveSandbox } from "../../src/sandbox/serve.ts";
import { readVendorErrors, SalesforceError } from "./errors.ts";
import { salesforce } from "./index.ts";
import { explainLogin } from "./login-errors.ts";
import { outcomeOfSalesforceError } from "./outcome.ts";
import { writtenForms } from "./people.ts";
import { USERNAME } from "./sandbox/oauth.ts";
import { PEOPLE, recordId } from "./sandbox/people.ts";
import { createSandbox, type SalesforceSandbox, type SalesforceSandboxOptions } from "./sandbox.ts";
import type { SalesforceWith } from "./settings.ts";

const DANA = recordId("003", 1);
const FIELD = "Voice_Call_Id__c";
const UPSERT = `PATCH /services/data/v65.0/composite/sobjects/Task/${FIELD}`;
const SEARCH = "GET /services/data/v65.0/search/";
const TOKEN = "POST /services/oauth2/token";
const DESCRIBE = "GET /services/data/v65.0/sobjects/Task/describe";

const atTheEnd: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of atTheEnd.splice(0).reverse()) await close();
});

/** The call record that VoiceInfra documents, as a route sees it that shares numbers, summary and recording. */
function exampleCall(changes: Partial<SharedCall> = {}): SharedCall {
  return {
    call_id: "call_01HXYZ123456",
    from_number: "+14155550100",
    to_number: "+18005551234",
    agent_id: "agent_abc123",
    duration_seconds: 147,
    start_time: "2025-01-15T14:23:00Z",
    end_time: "2025-01-15T14:25:27Z",
    recording_url: "https://recordings.voiceinfra.ai/call_01HXYZ123456.mp3",
    call_outcome: "answered",
    summary: "Customer called to inquire about January 15 appointment. Confirmed appointment at 2pm. No changes requested.",
    source: "voiceinfra",
    agent: "sales",
    agent_name: "Sales line",
    agent_owner: "",
    direction: "inbound",
    customer_number: "+14155550100",
    test: false,
    ...changes,
  };
}

function deliveryOf(
  call: SharedCall,
  options: { with?: z.input<typeof salesforce.with>; previous?: Receipt; key?: string } = {},
): Delivery<SalesforceWith> {
  const { key = `voiceinfra/${call.call_id}`, previous } = options;
  return { key, call, with: salesforce.with.parse(options.with ?? {}), previous };
}

/** Answers in the sandbox's place; undefined lets the sandbox answer. */
type Fault = (request: Request) => Response | undefined;

interface Org {
  sandbox: SalesforceSandbox;
  url: string;
  /** Opens the connector with the sandbox's settings and these changes. */
  open(changes?: Record<string, string | undefined>): Promise<OpenDestination<SalesforceWith>>;
  fault: { now: Fault };
}

async function startOrg(options: SalesforceSandboxOptions = {}): Promise<Org> {
  const sandbox = createSandbox(options);
  const fault: Org["fault"] = { now: () => undefined };
  const served = await serveSandbox({ sandbox: { ...sandbox, fetch: (request) => fault.now(request) ?? sandbox.fetch(request) } });
  atTheEnd.push(() => served.close());
  return {
    sandbox,
    url: served.url,
    fault,
    open: (changes) => openWith({ ...sandbox.settings({ url: served.url, folder: "" }), ...changes }),
  };
}

async function openWith(settings: Record<string, string | undefined>, timeoutMs = 5_000): Promise<OpenDestination<SalesforceWith>> {
  const given = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
  const destination = await salesforce.open({ settings: salesforce.settings.parse(given), timezone: "Europe/Berlin", timeoutMs });
  atTheEnd.push(() => destination.close());
  return destination;
}

function send(destination: OpenDestination<SalesforceWith>, ...deliveries: Delivery<SalesforceWith>[]): Promise<Outcome[]> {
  return destination.send(deliveries, { signal: AbortSignal.timeout(5_000) });
}

async function sendOne(destination: OpenDestination<SalesforceWith>, delivery: Delivery<SalesforceWith>): Promise<Outcome> {
  const outcomes = await send(destination, delivery);
  expect(outcomes).toHaveLength(1);
  return outcomes[0] as Outcome;
}

async function receiptOf(sent: Promise<Outcome>): Promise<Receipt> {
  const outcome = await sent;
  if (outcome.kind !== "delivered") throw new Error(`not delivered: ${JSON.stringify(outcome)}`);
  return outcome.receipt;
}

async function tasksOf(org: Org): Promise<Record<string, unknown>[]> {
  return (await org.sandbox.records()).map(({ body }) => body);
}

function opening(promise: Promise<unknown>): Promise<Outcome> {
  return promise.then(
    () => expect.unreachable("it opened"),
    (error) => {
      expect(error).toBeInstanceOf(OpenError);
      return (error as OpenError).outcome;
    },
  );
}

function count(org: Org, request: string): number {
  return org.sandbox.requests.filter((one) => one === request).length;
}

const keys = () =>
  generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });

describe("the Task of a call", () => {
  test("the documented call becomes this Task, on the Contact who has the number", async () => {
    const org = await startOrg();
    const destination = await org.open();
    const receipt = await receiptOf(sendOne(destination, deliveryOf(exampleCall())));
    const [record, ...others] = await org.sandbox.records();
    expect(others).toEqual([]);
    expect(record?.key).toBe("voiceinfra/call_01HXYZ123456");
    expect(record?.line).toBe(`Task ${receipt.id} · "AI call: inbound from Dana Example (Sales line)" · Contact Dana Example · Answered`);
    expect(record?.body).toEqual({
      Id: receipt.id,
      [FIELD]: "voiceinfra/call_01HXYZ123456",
      Subject: "AI call: inbound from Dana Example (Sales line)",
      Status: "Completed",
      Priority: "Normal",
      Type: "Call",
      TaskSubtype: "Call",
      ActivityDate: "2025-01-15",
      CallType: "Inbound",
      CallDurationInSeconds: 147,
      CallDisposition: "Answered",
      CallObject: "call_01HXYZ123456",
      WhoId: DANA,
      Description: [
        "Customer called to inquire about January 15 appointment. Confirmed appointment at 2pm. No changes requested.",
        "",
        "Time: 2025-01-15 15:23:00 to 15:25:27 (Europe/Berlin)",
        "Duration: 2 min 27 s",
        "From: +14155550100",
        "To: +18005551234",
        "Agent: Sales line",
        "Outcome: answered",
        "Recording: https://recordings.voiceinfra.ai/call_01HXYZ123456.mp3",
        "Call id: call_01HXYZ123456",
      ].join("\n"),
    });
    expect(receipt).toEqual({ id: record?.id, url: `${org.url}/lightning/r/Task/${receipt.id}/view`, extra: { who_id: DANA } });
    expect(org.sandbox.requests).toEqual([TOKEN, DESCRIBE, SEARCH, UPSERT]);
  });

  test("a route's own subject, description, status and fields are used, and empty ones blank nothing", async () => {
    const org = await startOrg();
    const destination = await org.open();
    const own = { subject: "Call\nabout seats", description: "Own words", status: "Done", fields: { Campaign__c: "spring", Priority: "" } };
    await receiptOf(sendOne(destination, deliveryOf(exampleCall(), { with: own })));
    const [task] = await tasksOf(org);
    expect(task).toMatchObject({
      Subject: "Call about seats",
      Description: "Own words",
      Status: "Done",
      Campaign__c: "spring",
      Priority: "Normal",
    });
    await receiptOf(
      sendOne(destination, deliveryOf(exampleCall(), { with: { subject: " ", description: "", fields: { Campaign__c: "" } } })),
    );
    expect((await tasksOf(org))[0]).toMatchObject({ Subject: "AI call: inbound from Dana Example (Sales line)", Campaign__c: "spring" });
  });

  test("what the route withholds is not in the Task", async () => {
    const org = await startOrg();
    const { from_number: _, to_number: __, customer_number: ___, summary: ____, recording_url: _____, ...withheld } = exampleCall();
    const receipt = await receiptOf(sendOne(await org.open(), deliveryOf(withheld)));
    const [task] = await tasksOf(org);
    expect(receipt.extra).toBeUndefined();
    expect(task?.Subject).toBe("AI call: inbound (Sales line)");
    expect(JSON.stringify(task)).not.toMatch(/5550100|8005551234|recordings|appointment/);
    expect(count(org, SEARCH)).toBe(0);
  });

  test("a long description is cut with a visible mark: the transcript first, and the facts stay", async () => {
    const org = await startOrg();
    const destination = await org.open();
    const transcript = "Agent: 😀 yes\n".repeat(4_000);
    await receiptOf(sendOne(destination, deliveryOf(exampleCall({ transcript }))));
    await receiptOf(sendOne(destination, deliveryOf(exampleCall({ call_id: "call_2", summary: "s".repeat(50_000), transcript }))));
    const [first, second] = (await tasksOf(org)).map(({ Description }) => String(Description));
    expect(first?.length).toBeLessThanOrEqual(32_000);
    expect(first?.length).toBeGreaterThan(31_900);
    expect(first).toMatch(/Call id: call_01HXYZ123456\n\nTranscript\nAgent: 😀 yes\n[\s\S]*\n\[… cut here: Salesforce takes no more\]$/);
    expect(second?.length).toBeLessThanOrEqual(32_000);
    expect(second).toMatch(/^s+\n\[… cut here: Salesforce takes no more\]\n\nTime: /);
    expect(second).toMatch(/Call id: call_2$/);
  });

  test.each([
    ["2025-01-15T23:30:00Z", "2025-01-16", "2025-01-16 00:30:00"],
    ["2025-01-15T23:30:00", "2025-01-16", "2025-01-16 00:30:00"],
    ["2025-01-15 23:30:00", "2025-01-16", "2025-01-16 00:30:00"],
    ["2025-07-15T23:30:00+09:00", "2025-07-15", "2025-07-15 16:30:00"],
  ])("a call that began at %s is on %s in Berlin: without a zone it is UTC", async (start_time, day, time) => {
    const org = await startOrg();
    await receiptOf(sendOne(await org.open(), deliveryOf(exampleCall({ start_time }))));
    const [task] = await tasksOf(org);
    expect(task?.ActivityDate).toBe(day);
    expect(task?.Description).toContain(`Time: ${time} to `);
  });

  test("a start_time that cannot be read rejects that call alone, and names the field only", async () => {
    const org = await startOrg();
    const outcomes = await send(
      await org.open(),
      deliveryOf(exampleCall({ start_time: "yesterday" })),
      deliveryOf(exampleCall({ call_id: "call_2", end_time: "later" })),
    );
    expect(outcomes[0]).toEqual({ kind: "rejected", code: "unreadable_value", reason: "start_time is not a time" });
    expect(outcomes[1]?.kind).toBe("delivered");
  });

  test("an outcome, a direction and texts that nobody foresaw do no harm", async () => {
    const org = await startOrg();
    const strange = exampleCall({
      call_id: `call_${"x".repeat(400)}`,
      call_outcome: "transferred",
      direction: "unknown",
      customer_number: "",
      agent_name: "A".repeat(400),
      duration_seconds: 999_999_999.4,
      summary: "nul \u0000 bell \u0007 half \ud83d end\r\nnext",
    });
    await receiptOf(sendOne(await org.open(), deliveryOf(strange)));
    const [record] = await org.sandbox.records();
    expect(record?.key).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(record?.body).toMatchObject({ CallDisposition: "transferred", CallDurationInSeconds: 99_999_999 });
    expect(record?.body).not.toHaveProperty("CallType");
    expect(String(record?.body.Subject)).toHaveLength(255);
    expect(String(record?.body.CallObject)).toHaveLength(255);
    expect(record?.body.Description).toMatch(/^nul {2}bell {2}half � end\nnext\n\nTime:/);
  });
});

describe("once at Salesforce", () => {
  test("the same delivery twice is one Task, updated", async () => {
    const org = await startOrg();
    const destination = await org.open();
    const first = await receiptOf(sendOne(destination, deliveryOf(exampleCall())));
    const second = await receiptOf(sendOne(destination, deliveryOf(exampleCall({ duration_seconds: 150 }), { previous: first })));
    expect(second).toEqual(first);
    expect(await tasksOf(org)).toHaveLength(1);
    expect((await tasksOf(org))[0]).toMatchObject({ CallDurationInSeconds: 150, TaskSubtype: "Call" });
  });

  test("after an attempt whose answer was lost, the Task that it left is updated", async () => {
    const org = await startOrg();
    const destination = await org.open();
    const first = await receiptOf(sendOne(destination, deliveryOf(exampleCall())));
    const second = await receiptOf(sendOne(destination, deliveryOf(exampleCall())));
    expect(second.id).toBe(first.id);
    expect(await tasksOf(org)).toHaveLength(1);
    // The sandbox refuses TaskSubtype on an update, and is asked again without it.
    expect(count(org, UPSERT)).toBe(3);
  });

  test("a late summary is added, and a record without it blanks nothing", async () => {
    const org = await startOrg();
    const destination = await org.open();
    const { summary: _, recording_url: __, ...early } = exampleCall();
    const previous = await receiptOf(sendOne(destination, deliveryOf(early, { with: { fields: { Campaign__c: "spring" } } })));
    expect((await tasksOf(org))[0]?.Description).toMatch(/^Time: /);
    await receiptOf(sendOne(destination, deliveryOf(exampleCall(), { previous, with: { fields: { Campaign__c: "" } } })));
    const [task, ...others] = await tasksOf(org);
    expect(others).toEqual([]);
    expect(task?.Description).toMatch(/^Customer called[\s\S]*Recording: /);
    expect(task).toMatchObject({ Campaign__c: "spring", WhoId: DANA });
  });

  test("a person that somebody corrected in Salesforce stays", async () => {
    const org = await startOrg();
    const destination = await org.open();
    const previous = await receiptOf(sendOne(destination, deliveryOf(exampleCall())));
    const [task] = await tasksOf(org);
    Object.assign(task ?? {}, { WhoId: recordId("003", 2) });
    const receipt = await receiptOf(sendOne(destination, deliveryOf(exampleCall({ duration_seconds: 150 }), { previous })));
    expect((await tasksOf(org))[0]).toMatchObject({ WhoId: recordId("003", 2), CallDurationInSeconds: 150 });
    expect(receipt.extra).toEqual({ who_id: DANA });
  });

  test("200 calls are one request, each with its own Task", async () => {
    const org = await startOrg();
    const deliveries = Array.from({ length: 200 }, (_, index) => deliveryOf(exampleCall({ call_id: `call_${index}` })));
    const outcomes = await send(await org.open(), ...deliveries);
    expect(outcomes.filter(({ kind }) => kind === "delivered")).toHaveLength(200);
    expect((await org.sandbox.records()).map(({ key }) => key)).toEqual(deliveries.map(({ key }) => key));
    expect([count(org, SEARCH), count(org, UPSERT)]).toEqual([1, 1]);
  });
});

describe("the person", () => {
  const stranger = { customer_number: "+14155550199", from_number: "+14155550199" };

  test("a withheld number is searched for nowhere, and the call is logged without a person", async () => {
    const org = await startOrg();
    const receipt = await receiptOf(sendOne(await org.open(), deliveryOf(exampleCall({ from_number: "anonymous", customer_number: "" }))));
    expect(receipt.extra).toBeUndefined();
    expect((await tasksOf(org))[0]?.Subject).toBe("AI call: inbound from unknown number (Sales line)");
    expect(count(org, SEARCH)).toBe(0);
  });

  test.each([
    ["a Contact before a Lead who was modified later", "+14155550100", { who_id: DANA }],
    ["a Contact by a mobile number", "+14155550101", { who_id: recordId("003", 2) }],
    ["a Lead, stored with its country code", "+14155550102", { who_id: recordId("00Q", 2) }],
    ["an Account, as what the call is about", "+14155550103", { what_id: recordId("001", 1) }],
    ["a British number with a trunk prefix", "+442079460104", { who_id: recordId("003", 3) }],
    ["a German number with its country code", "+4930230125105", { who_id: recordId("003", 4) }],
    ["nobody", "+14155550199", undefined],
    ["nobody of another country with the same digits", "+33415555010", undefined],
  ])("is %s", async (_, customer_number, extra) => {
    const org = await startOrg();
    const receipt = await receiptOf(sendOne(await org.open(), deliveryOf(exampleCall({ customer_number }))));
    expect(receipt.extra).toEqual(extra);
    const [task] = await tasksOf(org);
    expect([task?.WhoId ?? task?.WhatId]).toEqual(Object.values(extra ?? { none: undefined }));
    expect(task && "WhatId" in task).toBe(customer_number === "+14155550103");
  });

  test("a number stored without a country is not that of a foreign caller with the same digits", async () => {
    const org = await startOrg();
    const destination = await org.open();
    const german = exampleCall({ call_id: "call_1", from_number: "+494155550100", customer_number: "+494155550100" });
    const toBerlin = { ...german, call_id: "call_2", to_number: "+4930230125105" };
    const [toAmerica, toGermany] = await send(destination, deliveryOf(german), deliveryOf(toBerlin));
    expect(toAmerica).toMatchObject({ kind: "delivered", receipt: expect.not.objectContaining({ extra: expect.anything() }) });
    // In Germany it is a number like any other.
    expect(toGermany).toMatchObject({ kind: "delivered", receipt: { extra: { who_id: DANA } } });
  });

  test("of several Contacts it is the one modified last, or nobody, as the route says", async () => {
    const twin = {
      kind: "Contact" as const,
      Id: recordId("003", 9),
      Name: "Dana Later",
      MobilePhone: "4155550100",
      LastModifiedDate: "2025-01-13T09:00:00.000+0000",
    };
    const org = await startOrg({ people: [...PEOPLE, twin] });
    const destination = await org.open();
    const [recent, none] = await send(
      destination,
      deliveryOf(exampleCall({ call_id: "call_1" }), { with: { match: { on_many: "most_recent" } } }),
      deliveryOf(exampleCall({ call_id: "call_2" }), { with: { match: { on_many: "none" } } }),
    );
    expect(recent).toMatchObject({ kind: "delivered", receipt: { extra: { who_id: twin.Id } } });
    expect(none).toMatchObject({ kind: "delivered", receipt: expect.not.objectContaining({ extra: expect.anything() }) });
    expect(count(org, SEARCH)).toBe(1);
  });

  test("is asked for once for several calls of one number, and a stranger in every form", async () => {
    const org = await startOrg();
    const destination = await org.open();
    await send(destination, ...["call_1", "call_2"].map((call_id) => deliveryOf(exampleCall({ call_id, ...stranger }))));
    await send(destination, deliveryOf(exampleCall({ call_id: "call_3", ...stranger })));
    expect(count(org, SEARCH)).toBe(writtenForms(stranger.customer_number).length);
    expect(writtenForms("+14155550199")).toEqual(["4155550199", "14155550199"]);
    expect(writtenForms("+4930230125105")).toEqual(["30230125105", "030230125105", "4930230125105"]);
  });

  test("who was deleted since we looked is left out, and looked for again", async () => {
    const org = await startOrg();
    const destination = await org.open();
    await receiptOf(sendOne(destination, deliveryOf(exampleCall())));
    org.sandbox.removePerson(DANA);
    const second = await receiptOf(sendOne(destination, deliveryOf(exampleCall({ call_id: "call_2" }))));
    expect(second.extra).toBeUndefined();
    expect(await tasksOf(org)).toHaveLength(2);
    const third = await receiptOf(sendOne(destination, deliveryOf(exampleCall({ call_id: "call_3" }))));
    expect(third.extra).toEqual({ who_id: recordId("00Q", 1) });
  });

  test("a search that the integration user may not make says what to grant, and writes nothing", async () => {
    const org = await startOrg();
    const destination = await org.open();
    org.fault.now = (request) =>
      request.url.includes("/search/")
        ? Response.json([{ errorCode: "INVALID_TYPE", message: "sObject type 'Lead' is not supported." }], { status: 400 })
        : undefined;
    const outcome = await sendOne(destination, deliveryOf(exampleCall()));
    expect(outcome).toMatchObject({
      kind: "unauthorized",
      code: "INVALID_TYPE",
      fix: expect.stringContaining("read access to Contact, Lead and Account"),
    });
    expect(count(org, UPSERT)).toBe(0);
  });
});

describe("logging in", () => {
  test("JWT bearer: an assertion signed with the app's key opens the org", async () => {
    const { publicKey, privateKey } = keys();
    const org = await startOrg({ publicKey });
    const jwt = { client_secret: undefined, username: USERNAME };
    await org.open({ ...jwt, private_key: privateKey });
    const destination = await org.open({ ...jwt, private_key: privateKey.replaceAll("\n", "\\n") });
    await receiptOf(sendOne(destination, deliveryOf(exampleCall())));
  });

  test("JWT bearer: what is wrong with it is told", async () => {
    const { publicKey, privateKey } = keys();
    const org = await startOrg({ publicKey });
    const jwt = { client_secret: undefined, username: USERNAME, private_key: privateKey };
    const told = async (changes: Record<string, string>) => {
      const outcome = await opening(org.open({ ...jwt, ...changes }));
      expect(outcome).toMatchObject({ kind: "unauthorized", code: "invalid_grant" });
      return outcome.kind === "unauthorized" ? outcome.fix : "";
    };
    expect(await told({ private_key: keys().privateKey })).toMatch(
      /private_key does not belong to the certificate .*External Client App Manager/,
    );
    expect(await told({ audience: "https://example.com" })).toMatch(/^Set audience/);
    expect(await told({ username: "nobody@example.com" })).toMatch(/Admin approved users are pre-authorized/);
  });

  test("client credentials: what is wrong with them is told", async () => {
    const org = await startOrg();
    expect(await opening(org.open({ client_secret: "wrong" }))).toMatchObject({
      kind: "unauthorized",
      code: "invalid_client",
      fix: expect.stringMatching(/client_secret is wrong .*External Client App Manager/),
    });
    expect(await opening(org.open({ client_id: "wrong" }))).toMatchObject({
      code: "invalid_client_id",
      fix: expect.stringContaining("Consumer Key"),
    });
    expect(
      explainLogin({ code: "invalid_grant", description: "no client credentials user enabled", flow: "client_credentials" }),
    ).toMatchObject({
      fix: expect.stringContaining("Run As user"),
    });
    expect(explainLogin({ code: "inactive_user", description: "user is inactive", flow: "jwt" })).toMatchObject({
      fix: expect.stringContaining("Setup → Users"),
    });
    expect(explainLogin({ code: "invalid_grant", description: "login rate exceeded", flow: "jwt" })).toMatchObject({
      kind: "retry",
      because: "rate-limit",
    });
  });

  test("a session that expires is renewed once, for all who notice", async () => {
    const org = await startOrg();
    const destination = await org.open();
    org.sandbox.expireTokens();
    const [first, second] = await Promise.all([
      sendOne(destination, deliveryOf(exampleCall({ call_id: "call_1" }))),
      sendOne(destination, deliveryOf(exampleCall({ call_id: "call_2", customer_number: "+14155550101" }))),
    ]);
    expect([first.kind, second.kind]).toEqual(["delivered", "delivered"]);
    expect(count(org, TOKEN)).toBe(2);
    expect(await tasksOf(org)).toHaveLength(2);
  });

  test("a session that expires between search and upsert costs the call nothing", async () => {
    const org = await startOrg();
    const destination = await org.open();
    let expired = false;
    org.fault.now = (request) => {
      if (request.method === "PATCH" && !expired) org.sandbox.expireTokens();
      expired ||= request.method === "PATCH";
      return undefined;
    };
    await receiptOf(sendOne(destination, deliveryOf(exampleCall())));
    expect([count(org, TOKEN), count(org, UPSERT)]).toEqual([2, 2]);
  });

  test("401 without an end is unauthorized after one renewal, not a loop", async () => {
    const org = await startOrg();
    const destination = await org.open();
    let refused = 0;
    org.fault.now = (request) => {
      if (!request.url.includes("/services/data/")) return undefined;
      refused += 1;
      return Response.json([{ message: "Session expired or invalid", errorCode: "INVALID_SESSION_ID" }], { status: 401 });
    };
    const outcome = await sendOne(destination, deliveryOf(exampleCall()));
    expect(outcome).toMatchObject({ kind: "unauthorized", code: "INVALID_SESSION_ID", fix: expect.stringContaining("Login History") });
    expect([refused, count(org, TOKEN)]).toEqual([2, 2]);
  });

  test("a renewal that is refused tells why", async () => {
    const org = await startOrg();
    const destination = await org.open();
    org.sandbox.expireTokens();
    org.fault.now = (request) =>
      request.url.endsWith("/token")
        ? Response.json({ error: "inactive_user", error_description: "user is inactive" }, { status: 400 })
        : undefined;
    expect(await sendOne(destination, deliveryOf(exampleCall()))).toMatchObject({ kind: "unauthorized", code: "inactive_user" });
  });

  test("an address of something else is told from a wrong password", async () => {
    const org = await startOrg();
    org.fault.now = () => new Response("<html>Welcome</html>", { headers: { "content-type": "text/html" } });
    expect(await opening(org.open())).toMatchObject({ kind: "unauthorized", code: "no_token", fix: expect.stringContaining("My Domain") });
    org.fault.now = () => Response.redirect("http://127.0.0.1:1/elsewhere", 302);
    expect(await opening(org.open())).toMatchObject({ kind: "unauthorized", fix: expect.stringContaining("login_url") });
    org.fault.now = () => new Response("<html>502</html>", { status: 502, headers: { "content-type": "text/html" } });
    expect(await opening(org.open())).toMatchObject({ kind: "retry", because: "down" });
  });

  test("an access token is never sent over an open line that the org did not have", async () => {
    const org = await startOrg();
    org.fault.now = () => Response.json({ access_token: "t", instance_url: "http://org.example.com", id: "x/y/z", token_type: "Bearer" });
    expect(await opening(org.open())).toMatchObject({ kind: "unauthorized", code: "no_token" });
  });

  test("a missing external id field is told, with the way to make it", async () => {
    const org = await startOrg({ externalIdField: null });
    expect(await opening(org.open())).toEqual({
      kind: "unauthorized",
      code: "missing_external_id",
      reason: "Task has no field Voice_Call_Id__c, or the integration user cannot see it",
      fix: expect.stringMatching(/Setup → Object Manager → Activity .*Text, length 255, External ID.*field-level security/),
    });
    const other = await startOrg({ externalIdField: "Call_Key__c" });
    const receipt = await receiptOf(sendOne(await other.open({ external_id_field: "Call_Key__c" }), deliveryOf(exampleCall())));
    expect((await other.sandbox.records()).map(({ key, id }) => [key, id])).toEqual([["voiceinfra/call_01HXYZ123456", receipt.id]]);
    expect(await opening(other.open({ external_id_field: "Campaign__c" }))).toMatchObject({ code: "not_external_id" });
  });

  test("an API version that the org does not have is told", async () => {
    const org = await startOrg();
    expect(await opening(org.open({ api_version: "99.0" }))).toMatchObject({
      kind: "unauthorized",
      code: "NOT_FOUND",
      fix: expect.stringContaining("api_version"),
    });
  });

  test("base_url leads both the login and the calls to another address", async () => {
    const org = await startOrg();
    await receiptOf(
      sendOne(await org.open({ login_url: "https://example.my.salesforce.com", base_url: `${org.url}/` }), deliveryOf(exampleCall())),
    );
  });
});

describe("when Salesforce refuses", () => {
  test("a locked row is tried once more, then waits", async () => {
    const org = await startOrg();
    const destination = await org.open();
    org.sandbox.lockRows(1);
    const outcomes = await send(destination, ...["call_1", "call_2"].map((call_id) => deliveryOf(exampleCall({ call_id }))));
    expect(outcomes.map(({ kind }) => kind)).toEqual(["delivered", "delivered"]);
    expect(count(org, UPSERT)).toBe(2);
    org.sandbox.lockRows(2);
    expect(await sendOne(destination, deliveryOf(exampleCall({ call_id: "call_3" })))).toMatchObject({
      kind: "retry",
      because: "record",
      code: "UNABLE_TO_LOCK_ROW",
    });
    expect(await tasksOf(org)).toHaveLength(2);
  });

  test("one bad record is that record's trouble, and no reason quotes the call", async () => {
    const org = await startOrg();
    const secretText = "SECRET-WORD";
    const outcomes = await send(
      await org.open(),
      deliveryOf(exampleCall({ call_id: "call_1" })),
      deliveryOf(exampleCall({ call_id: "call_2" }), { with: { fields: { Nowhere__c: secretText } } }),
      deliveryOf(exampleCall({ call_id: "call_3" }), { with: { fields: { Campaign__c: secretText.repeat(20) } } }),
      deliveryOf(exampleCall({ call_id: "call_4" }), { with: { fields: { CallType: secretText } } }),
      deliveryOf(exampleCall({ call_id: "call_5" })),
    );
    expect(outcomes.map((outcome) => (outcome.kind === "rejected" ? [outcome.code, outcome.reason] : outcome.kind))).toEqual([
      "delivered",
      ["INVALID_FIELD", "Task has no such field, or the integration user cannot see it: Nowhere__c"],
      ["STRING_TOO_LONG", "a value is longer than its field: Campaign__c"],
      ["INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "a value is not in its field's picklist: CallType"],
      "delivered",
    ]);
    expect(JSON.stringify(outcomes)).not.toContain(secretText);
    expect((await org.sandbox.records()).map(({ key }) => key)).toEqual(["voiceinfra/call_1", "voiceinfra/call_5"]);
  });

  test("a value that spoils the whole request is found, and the others are delivered", async () => {
    const org = await startOrg();
    const deliveries = Array.from({ length: 9 }, (_, index) =>
      deliveryOf(exampleCall({ call_id: `call_${index}` }), { with: index === 4 ? { fields: { ActivityDate: "Thursday" } } : {} }),
    );
    const outcomes = await send(await org.open(), ...deliveries);
    expect(outcomes.map(({ kind }) => kind)).toEqual(deliveries.map((_, index) => (index === 4 ? "rejected" : "delivered")));
    expect(outcomes[4]).toMatchObject({ code: "JSON_PARSER_ERROR" });
    expect(JSON.stringify(outcomes[4])).not.toContain("Thursday");
    expect(await tasksOf(org)).toHaveLength(8);
  });

  test("a used-up daily limit is waited for", async () => {
    const org = await startOrg({ dailyRequests: 3 });
    const destination = await org.open();
    await receiptOf(sendOne(destination, deliveryOf(exampleCall())));
    expect(await sendOne(destination, deliveryOf(exampleCall({ call_id: "call_2" })))).toEqual({
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
    [502, { kind: "retry", because: "record", code: "HTTP_502" }, "<html>bad gateway</html>"],
    [500, { kind: "retry", because: "record", code: "UNKNOWN_EXCEPTION" }, [{ errorCode: "UNKNOWN_EXCEPTION", message: "oops" }]],
    [429, { kind: "retry", because: "rate-limit", code: "HTTP_429", retryAfterMs: 7_000 }, ""],
    [403, { kind: "unauthorized", code: "API_DISABLED_FOR_ORG" }, [{ errorCode: "API_DISABLED_FOR_ORG", message: "no" }]],
    [302, { kind: "unauthorized", code: "HTTP_302" }, ""],
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
    expect(await sendOne(destination, deliveryOf(exampleCall()))).toMatchObject(expected);
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
    expect(await sendOne(destination, deliveryOf(exampleCall()))).toMatchObject({ kind: "retry", because: "record", code: "HTTP_502" });
    expect([tries, count(org, UPSERT)]).toEqual([1, 0]);
  });

  test("several Tasks with one key are a person's to mend, and the reason says how", () => {
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
  /** A server that does with each request what it is told. */
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

  const withoutSearch = exampleCall({ customer_number: "" });

  test("a refused connection is down: calls wait, before they are written and when they would be", async () => {
    const gone = await startRaw(() => undefined);
    await gone.close();
    const down = { kind: "retry", because: "down", code: "ECONNREFUSED" };
    expect(await sendOne(await openMovedTo(gone.url), deliveryOf(withoutSearch))).toMatchObject(down);
    expect(await sendOne(await openMovedTo(gone.url), deliveryOf(exampleCall()))).toMatchObject(down);
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
    expect(await sendOne(await openMovedTo(dropping.url), deliveryOf(exampleCall()))).toMatchObject({ kind: "retry", because: "record" });
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

describe("settings", () => {
  const fine = { login_url: "https://example.my.salesforce.com", client_id: "id", client_secret: "s" };
  const problems = (value: Record<string, unknown>) =>
    (salesforce.settings.safeParse(value).error?.issues ?? []).map(({ path, message }) => `${path.join(".")} ${message}`);

  test("exactly one way to log in is taken", () => {
    const { privateKey } = keys();
    const { client_secret: _, ...bare } = fine;
    expect(problems(fine)).toEqual([]);
    expect(problems({ ...bare, username: "u", private_key: privateKey })).toEqual([]);
    expect(problems(bare)).toEqual(["client_secret is missing: give it, or username and private_key"]);
    expect(problems({ ...fine, username: "u", private_key: privateKey })).toEqual([
      "client_secret and username with private_key are two ways to log in: give one of them",
    ]);
    expect(problems({ ...bare, username: "u" })).toEqual(["private_key is missing: username needs it"]);
    expect(problems({ ...bare, private_key: privateKey })).toEqual(["username is missing: private_key needs it"]);
    expect(problems({ ...bare, username: "u", private_key: "no key" })).toEqual(["private_key is not an RSA private key in PEM form"]);
  });

  test("addresses that cannot work, or not safely, are refused", () => {
    expect(problems({ ...fine, login_url: "http://example.my.salesforce.com" })[0]).toMatch(/^login_url must begin with https/);
    expect(problems({ ...fine, login_url: "https://example.lightning.force.com" })[0]).toMatch(/web pages/);
    expect(problems({ ...fine, login_url: "https://login.salesforce.com" })[0]).toMatch(/org's own address/);
    expect(problems({ ...fine, base_url: "http://proxy.example.com" })[0]).toMatch(/^base_url must begin with https/);
    expect(problems({ ...fine, api_version: "45.0" })[0]).toMatch(/46\.0/);
    expect(problems({ ...fine, external_id_field: "x/../y__c" })[0]).toMatch(/API name/);
    expect(problems({ ...fine, clientid: "x" })[0]).toMatch(/Unrecognized key/);
  });

  test("the schemas are objects with a JSON Schema, and a route cannot set what the connector sets", () => {
    expect(salesforce.settings).toBeInstanceOf(z.ZodObject);
    expect(z.toJSONSchema(salesforce.settings, { io: "input" })).toMatchObject({
      required: ["login_url", "client_id"],
      additionalProperties: false,
    });
    expect(z.toJSONSchema(salesforce.with, { io: "input" })).toMatchObject({ type: "object", additionalProperties: false });
    expect(salesforce.with.safeParse({ fields: { WhoId: "x" } }).success).toBe(false);
    expect(salesforce.with.safeParse({ fields: { "a b": "x" } }).success).toBe(false);
  });
});

describe("the sandbox is strict", () => {
  async function upsert(records: unknown[], options: { field?: string; type?: string; version?: string } = {}): Promise<Response> {
    const { field = FIELD, type = "application/json", version = "v65.0" } = options;
    const sandbox = createSandbox();
    const { client_id = "", client_secret = "" } = sandbox.settings({ url: "http://127.0.0.1", folder: "" });
    const body = new URLSearchParams({ grant_type: "client_credentials", client_id, client_secret });
    const token = await sandbox.fetch(new Request("http://127.0.0.1/services/oauth2/token", { method: "POST", body }));
    const { access_token } = (await token.json()) as { access_token: string };
    return sandbox.fetch(
      new Request(`http://127.0.0.1/services/data/${version}/composite/sobjects/Task/${field}`, {
        method: "PATCH",
        headers: { authorization: `Bearer ${access_token}`, "content-type": type },
        body: JSON.stringify({ allOrNone: false, records }),
      }),
    );
  }
  const record = (key: string, more: Record<string, unknown> = {}) => ({ attributes: { type: "Task" }, [FIELD]: key, ...more });

  test("two records with one external id fail both, and write nothing for them", async () => {
    const results = (await (await upsert([record("a"), record("b"), record("a")])).json()) as { success: boolean }[];
    expect(results.map(({ success }) => success)).toEqual([false, true, false]);
  });

  test("more than 200 records, another content type, an unknown key field, old versions and no token are refused", async () => {
    expect((await upsert(Array.from({ length: 201 }, (_, index) => record(String(index))))).status).toBe(400);
    expect((await upsert([record("a")], { type: "text/plain" })).status).toBe(415);
    expect((await upsert([record("a")], { field: "Subject" })).status).toBe(404);
    expect((await upsert([record("a")], { version: "v30.0" })).status).toBe(410);
    expect((await upsert([record("a")], { version: "v45.0" })).status).toBe(404);
    const open = await createSandbox().fetch(new Request("http://127.0.0.1/services/data/v65.0/sobjects/Task/describe"));
    expect([open.status, await open.json()]).toEqual([401, [{ message: "Session expired or invalid", errorCode: "INVALID_SESSION_ID" }]]);
    expect((await upsert([record("a")])).headers.get("sforce-limit-info")).toBe("api-usage=1/15000");
  });
});
