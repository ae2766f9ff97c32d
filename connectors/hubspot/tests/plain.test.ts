import { describe, expect, test } from "vitest";
import { OpenError, type Outcome, type Receipt } from "../../../src/connector/index.ts";
import { documentedCall } from "../../../test/support/documented-call.ts";
import { deliveryOf, dropsAfter, KEY, type Setup, send, setUp, UPSERT } from "../../../test/support/hubspot.ts";
import type { HubSpotSandboxOptions } from "../sandbox/index.ts";

/** An account that refuses unique values on calls. */
const account = { account: "plain" };
const OBJECTS = "/crm/objects/2026-09/calls";
const PROPERTIES = "/crm/properties/2026-09/calls";
const CREATE = `${OBJECTS}/batch/create`;
const UPDATE = `${OBJECTS}/batch/update`;
const LOOK_UP = `${OBJECTS}/search`;

function receiptOf(outcome: Outcome | undefined): Receipt {
  expect(outcome).toMatchObject({ kind: "delivered" });
  return (outcome as { receipt: Receipt }).receipt;
}

/** How often each kind of request about calls was made. */
const counts = ({ seenAt }: Pick<Setup, "seenAt">) => ({
  reads: seenAt(`${OBJECTS}/batch/read`).length,
  lookUps: seenAt(LOOK_UP).length,
  made: seenAt(CREATE).length,
  changed: seenAt(UPDATE).length,
});

/** Does to the sandbox what the request asks, and loses the answer. */
const losingAnswer = (sandbox: Setup["sandbox"], answer: () => Response) => async (request: Request) => {
  await sandbox.fetch?.(request);
  return answer();
};

describe("setup", () => {
  test("makes a plain property where the account refuses a unique one, and says what that means; so does the next setup", async () => {
    const { prepare, ask, open, seen } = await setUp({ ...account, isSetUp: false });
    const what = expect.stringMatching(/^the call property voice_call_id \(without unique values, .*looked up before it is written\)$/);
    expect(await prepare()).toEqual([{ what, done: "made" }]);
    expect(await ask("GET", `${PROPERTIES}/voice_call_id`)).toMatchObject({ hasUniqueValue: false, type: "string" });
    expect(await prepare()).toEqual([{ what, done: "was there" }]);
    expect((await open()).about).toMatch(/has no unique values .* looks a call up before it writes it/);
    expect(seen.filter(({ method, path }) => method === "POST" && path === PROPERTIES)).toHaveLength(2);
  });

  test("of an account that takes one says so too", async () => {
    const { prepare, open } = await setUp({ isSetUp: false });
    expect(await prepare()).toEqual([{ what: "the call property voice_call_id (unique values)", done: "made" }]);
    expect((await open()).about).toMatch(/HubSpot itself keeps one call/);
  });

  test("that is refused for another reason fails with that reason, and makes nothing", async () => {
    const { prepare, failNext, ask } = await setUp({ isSetUp: false });
    const missing = {
      status: "error",
      category: "MISSING_SCOPES",
      message: "",
      errors: [{ context: { requiredGranularScopes: ["crm.schemas.calls.write"] } }],
    };
    for (let n = 0; n < 2; n += 1) failNext(PROPERTIES, () => Response.json(missing, { status: 403 }));
    const error = await prepare().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(OpenError);
    expect((error as OpenError).outcome).toMatchObject({
      kind: "needs-fix",
      reason: expect.stringContaining("MISSING_SCOPES"),
      fix: expect.stringContaining("crm.schemas.calls.write"),
    });
    expect(await ask("GET", `${PROPERTIES}/voice_call_id`)).toMatchObject({ status: "error" });
  });

  test("at an address that is no HubSpot says so, and not that the account is not set up", async () => {
    const { open, prepare, failNext } = await setUp();
    const page = () => new Response("<html>Not found</html>", { status: 404, headers: { "content-type": "text/html" } });
    for (const task of [open, prepare]) {
      failNext(`${PROPERTIES}/voice_call_id`, page);
      const error = await task().catch((thrown: unknown) => thrown);
      expect((error as OpenError).outcome).toMatchObject({ kind: "needs-fix" });
      expect((error as OpenError).outcome).not.toMatchObject({ code: "not_set_up" });
    }
  });
});

describe("a call in an account without unique values", () => {
  test("is looked up by its key, made where it is not there, and never upserted", async () => {
    const setup = await setUp(account);
    const receipt = receiptOf((await send(await setup.open(), deliveryOf(documentedCall())))[0]);
    expect(receipt).toMatchObject({ id: "301", person: { id: "201" } });
    expect(counts(setup)).toEqual({ reads: 0, lookUps: 1, made: 1, changed: 0 });
    expect(setup.seenAt(UPSERT)).toHaveLength(0);
    expect(setup.seenAt(LOOK_UP)[0]?.body).toMatchObject({
      filterGroups: [{ filters: [{ propertyName: "voice_call_id", operator: "IN", values: [KEY.toLowerCase()] }] }],
    });
    expect((await setup.sandbox.records()).map(({ key, body }) => [key, body.contacts])).toEqual([[KEY, ["201"]]]);
  });

  test("that its receipt names is changed without a search", async () => {
    const setup = await setUp(account);
    const previous = receiptOf((await send(await setup.open(), deliveryOf(documentedCall())))[0]);
    // As after a restart: another destination of another process, which the ledger gives the receipt.
    const later = documentedCall({ duration_seconds: 150 });
    expect(receiptOf((await send(await setup.open(), deliveryOf(later, { previous })))[0]).id).toBe("301");
    expect(counts(setup)).toEqual({ reads: 1, lookUps: 1, made: 1, changed: 1 });
    expect((await setup.sandbox.records()).map(({ body }) => body.hs_call_duration)).toEqual(["150000"]);
  });

  test("sent twice stays one, also while HubSpot's search does not see it yet, also after the destination was opened again", async () => {
    const setup = await setUp(account);
    const destination = await setup.open();
    receiptOf((await send(destination, deliveryOf(documentedCall())))[0]);
    expect(receiptOf((await send(destination, deliveryOf(documentedCall())))[0]).id).toBe("301");
    await destination.close();
    expect(receiptOf((await send(await setup.open(), deliveryOf(documentedCall())))[0]).id).toBe("301");
    expect(counts(setup)).toMatchObject({ made: 1, changed: 2 });
    expect(await setup.sandbox.records()).toHaveLength(1);
  });

  test("that somebody deleted in HubSpot is made again by its next version", async () => {
    const setup = await setUp(account);
    const destination = await setup.open();
    const previous = receiptOf((await send(destination, deliveryOf(documentedCall())))[0]);
    await setup.ask("DELETE", `${OBJECTS}/301`);
    expect(receiptOf((await send(destination, deliveryOf(documentedCall(), { previous })))[0])).toMatchObject({ id: "302" });
    expect((await setup.sandbox.records()).map(({ id, body }) => [id, body.contacts])).toEqual([["302", ["201"]]]);
  });

  test("whose record got another call's key is not written into that one", async () => {
    const setup = await setUp(account);
    const destination = await setup.open();
    const previous = receiptOf((await send(destination, deliveryOf(documentedCall())))[0]);
    await setup.ask("PATCH", `${OBJECTS}/301`, { properties: { voice_call_id: "voiceinfra/another" } });
    expect(receiptOf((await send(destination, deliveryOf(documentedCall(), { previous })))[0]).id).toBe("302");
    expect((await setup.sandbox.records()).map(({ key }) => key)).toEqual(["voiceinfra/another", KEY]);
  });

  test("is kept apart from one whose key differs in capital letters only", async () => {
    const setup = await setUp(account);
    const calls = ["call_ABC", "call_abc"].map((call_id) => deliveryOf(documentedCall({ call_id })));
    const receipts = (await send(await setup.open(), ...calls)).map(receiptOf);
    // HubSpot compares in small letters, so that each search finds both.
    const later = ["call_ABC", "call_abc"].map((call_id, n) =>
      deliveryOf(documentedCall({ call_id, duration_seconds: 7 + n }), { previous: receipts[n] as Receipt }),
    );
    expect((await send(await setup.open(), ...later)).map((one) => receiptOf(one).id)).toEqual(receipts.map(({ id }) => id));
    expect((await setup.sandbox.records()).map(({ key, body }) => [key, body.hs_call_duration])).toEqual([
      ["voiceinfra/call_ABC", "7000"],
      ["voiceinfra/call_abc", "8000"],
    ]);
  });

  test("that is there twice all the same is the oldest one", async () => {
    const setup = await setUp(account);
    for (let n = 0; n < 2; n += 1)
      await setup.ask("POST", CREATE, { inputs: [{ properties: { voice_call_id: KEY, hs_timestamp: "1736950980000" } }] });
    // Until the search sees them.
    await setup.ask("POST", LOOK_UP, { filterGroups: [{ filters: [{ propertyName: "voice_call_id", operator: "EQ", value: KEY }] }] });
    expect(receiptOf((await send(await setup.open(), deliveryOf(documentedCall())))[0]).id).toBe("301");
    expect(await setup.sandbox.records()).toHaveLength(2);
  });

  test("a hundred are looked up in as many searches as HubSpot's limits ask for, and written in one request", async () => {
    const setup = await setUp(account);
    const calls = Array.from({ length: 100 }, (_, n) => documentedCall({ call_id: `${"x".repeat(40)}-${n}`, customer_number: "" }));
    const outcomes = await send(await setup.open(), ...calls.map((call) => deliveryOf(call)));
    expect(outcomes.every(({ kind }) => kind === "delivered")).toBe(true);
    expect(counts(setup)).toEqual({ reads: 0, lookUps: 3, made: 1, changed: 0 });
  });
});

describe("an attempt whose end nobody heard", () => {
  const lost: [string, () => Response][] = [
    ["a 500", () => Response.json({ status: "error", message: "", category: "INTERNAL_ERROR" }, { status: 500 })],
    ["a 502", () => new Response("", { status: 502 })],
    ["an answer that is cut off", () => new Response('{"status":"COMP', { status: 201, headers: { "content-type": "application/json" } })],
  ];

  test.each(lost)("%s: the call is held back for a minute, until the search would show it, and is there once", async (_what, answer) => {
    const setup = await setUp(account);
    const destination = await setup.open();
    setup.failNext(CREATE, losingAnswer(setup.sandbox, answer));
    const [first] = await send(destination, deliveryOf(documentedCall())).catch((error: Error) => [error]);
    expect(first).not.toMatchObject({ kind: "delivered" });
    // The search misses it, and nothing is made.
    const [second] = await send(destination, deliveryOf(documentedCall()));
    expect(second).toMatchObject({ kind: "retry", because: "record", code: "call_unclear" });
    expect((second as { retryAfterMs: number }).retryAfterMs).toBeGreaterThan(50_000);
    // Now it shows it.
    expect(receiptOf((await send(destination, deliveryOf(documentedCall())))[0]).id).toBe("301");
    expect(await setup.sandbox.records()).toHaveLength(1);
    expect(setup.seenAt(CREATE)).toHaveLength(1);
  });

  test("a connection that drops: the same", async () => {
    const setup = await setUp(account);
    const destination = await setup.open({ base_url: await dropsAfter(setup.url, CREATE) });
    expect(await send(destination, deliveryOf(documentedCall()))).toMatchObject([{ kind: "ambiguous" }]);
    expect(await send(destination, deliveryOf(documentedCall()))).toMatchObject([{ kind: "retry", code: "call_unclear" }]);
    expect(receiptOf((await send(destination, deliveryOf(documentedCall())))[0]).id).toBe("301");
    expect(await setup.sandbox.records()).toHaveLength(1);
  });

  test("in another process: where the ledger knows of it, the call is held back for a minute from when this one hears of it", async () => {
    const setup = await setUp(account);
    const destination = await setup.open();
    const HOUR = 3_600_000;
    const later = (sinceAcceptedMs: number) => ({ ...deliveryOf(documentedCall(), { sinceAcceptedMs }), unclear: true });
    const [first] = await send(destination, later(HOUR));
    expect(first).toMatchObject({ kind: "retry", because: "record", code: "call_unclear" });
    expect((first as { retryAfterMs: number }).retryAfterMs).toBeGreaterThan(50_000);
    const [second] = await send(destination, later(HOUR + 50_000));
    expect(second).toMatchObject({ kind: "retry", code: "call_unclear", retryAfterMs: 10_000 });
    expect(await setup.sandbox.records()).toEqual([]);
    expect(receiptOf((await send(destination, later(HOUR + 60_000)))[0]).id).toBe("301");
  });

  test("as often as it happens: an attempt after many others is held back too", async () => {
    const setup = await setUp(account);
    const destination = await setup.open();
    const at = (sinceAcceptedMs: number) => ({ ...deliveryOf(documentedCall(), { sinceAcceptedMs }), unclear: sinceAcceptedMs > 0 });
    const failure = () => Response.json({ status: "error", message: "", category: "INTERNAL_ERROR" }, { status: 500 });
    setup.failNext(CREATE, failure);
    expect(await send(destination, at(0))).toMatchObject([{ kind: "ambiguous" }]);
    setup.failNext(CREATE, losingAnswer(setup.sandbox, failure));
    expect(await send(destination, at(70_000))).toMatchObject([{ kind: "ambiguous" }]);
    expect(await send(destination, at(75_000))).toMatchObject([{ kind: "retry", code: "call_unclear" }]);
    expect(receiptOf((await send(destination, at(140_000)))[0]).id).toBe("301");
    expect(await setup.sandbox.records()).toHaveLength(1);
  });

  test("says that it is not known, so that the ledger keeps it for whichever process comes next", async () => {
    const setup = await setUp(account);
    setup.failNext(
      CREATE,
      losingAnswer(setup.sandbox, () => Response.json({ status: "error", message: "", category: "INTERNAL_ERROR" }, { status: 500 })),
    );
    expect(await send(await setup.open(), deliveryOf(documentedCall()))).toMatchObject([{ kind: "ambiguous" }]);
  });

  test("but one that HubSpot refused has made nothing: the next one writes at once", async () => {
    const setup = await setUp(account);
    const destination = await setup.open();
    setup.failNext(CREATE, () => Response.json({ status: "error", message: "", policyName: "TEN_SECONDLY_ROLLING" }, { status: 429 }));
    expect(await send(destination, deliveryOf(documentedCall()))).toMatchObject([{ kind: "retry", because: "rate-limit" }]);
    expect(receiptOf((await send(destination, deliveryOf(documentedCall())))[0]).id).toBe("301");
  });

  test("a call that cannot be looked up is not made, and the others are", async () => {
    const setup = await setUp(account);
    const destination = await setup.open();
    setup.failNext(LOOK_UP, () => Response.json({ status: "error", message: "", category: "INTERNAL_ERROR" }, { status: 500 }));
    expect(await send(destination, deliveryOf(documentedCall()))).toMatchObject([{ kind: "retry", because: "server" }]);
    expect(counts(setup)).toMatchObject({ made: 0 });
  });
});

describe("what is true of every account", () => {
  const plain: HubSpotSandboxOptions = { ...account, requiredOfCalls: [{ property: "hs_call_disposition" }] };

  test("one bad call of a batch does not take the others with it, and a rule's property is named", async () => {
    const setup = await setUp(plain);
    const calls = [documentedCall({ call_id: "a" }), documentedCall({ call_id: "b", call_outcome: "voicemail", direction: "inbound" })];
    const outcomes = await send(await setup.open(), ...calls.map((call) => deliveryOf(call)));
    expect(outcomes).toMatchObject([{ kind: "delivered" }, { kind: "needs-fix", code: "required_property" }]);
    expect(await setup.sandbox.records()).toHaveLength(1);
  });

  test("an owner that HubSpot refuses is left out", async () => {
    const setup = await setUp(account);
    const error = { message: "", code: "INVALID_OWNER_ID", context: { propertyName: ["hubspot_owner_id"] } };
    setup.failNext(CREATE, () =>
      Response.json({ status: "error", category: "VALIDATION_ERROR", message: "", errors: [error] }, { status: 400 }),
    );
    const call = documentedCall({ agent_owner: "sales@example.com" });
    expect(receiptOf((await send(await setup.open(), deliveryOf(call)))[0]).extra?.left_out).toBe("hubspot_owner_id (INVALID_OWNER_ID)");
  });
});
