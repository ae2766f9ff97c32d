import { describe, expect, test } from "vitest";
import { OpenError, type Outcome } from "../../../src/connector/index.ts";
import { documentedCall } from "../../../test/support/documented-call.ts";
import { ASSOCIATE, deliveryOf, dropsAfter, SEARCH, type Setup, send, setUp, UPSERT } from "../../../test/support/hubspot.ts";
import { closedPort } from "../../../test/support/ports.ts";
import type { HubSpotSandboxOptions } from "../sandbox/index.ts";

const PROPERTIES = "/crm/properties/2026-09/calls";
const json = (status: number, body: unknown, headers: Record<string, string> = {}) => Response.json(body, { status, headers });
const problem = (category: string, more: object = {}) => ({
  status: "error",
  message: "Dana +14155550100 <payload>",
  correlationId: "0a1b2c3d-0000",
  category,
  ...more,
});
const tooMany = (policyName: string, message = `You have reached your ${policyName.toLowerCase()} limit.`) => ({
  status: "error",
  message,
  errorType: "RATE_LIMIT",
  policyName,
});

/** The outcome of one delivery when one of its requests is answered like this. */
async function outcomeWhen(path: string, answer: () => Response, options: HubSpotSandboxOptions = {}): Promise<Outcome | undefined> {
  const { open, failNext } = await setUp(options);
  const destination = await open();
  failNext(path, answer);
  const [outcome] = await send(destination, deliveryOf(documentedCall()));
  return outcome;
}

async function openFails(opening: Promise<unknown>): Promise<Outcome> {
  const error = await opening.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(OpenError);
  return (error as OpenError).outcome;
}

describe("opening", () => {
  test("an account that is not set up says how to do it, and nothing is made on the side", async () => {
    const { open, seen } = await setUp({ isSetUp: false });
    expect(await openFails(open())).toEqual({
      kind: "needs-fix",
      code: "not_set_up",
      reason: "calls in HubSpot have no property voice_call_id, by which a call that comes again finds its record",
      fix: 'Run "patchbay setup hubspot" (the destination\'s name in routes.yaml): it makes the property, once for the account',
    });
    expect(seen.map(({ method }) => method)).toEqual(["GET"]);
  });

  test("setup makes the property once, and says whether it did; then it opens", async () => {
    const { open, prepare, seen, ask } = await setUp({ isSetUp: false });
    expect(await prepare()).toEqual([{ what: "the call property voice_call_id (unique values)", done: "made" }]);
    expect(seen.map(({ method, path }) => `${method} ${path}`)).toEqual([
      `GET ${PROPERTIES}/voice_call_id`,
      `GET ${PROPERTIES}/groups`,
      `POST ${PROPERTIES}`,
    ]);
    expect(await ask("GET", `${PROPERTIES}/voice_call_id`)).toMatchObject({
      hasUniqueValue: true,
      type: "string",
      groupName: "call_information",
    });
    seen.length = 0;
    expect(await prepare()).toEqual([{ what: "the call property voice_call_id (unique values)", done: "was there" }]);
    expect(seen.map(({ method }) => method)).toEqual(["GET"]);
    await open();
  });

  test("two people who set up at the same time both succeed", async () => {
    const { prepare, ask } = await setUp({ isSetUp: false });
    await expect(Promise.all([prepare(), prepare()])).resolves.toHaveLength(2);
    expect(await ask("GET", `${PROPERTIES}/voice_call_id`)).toMatchObject({ hasUniqueValue: true });
  });

  test("a property that somebody else made in between was there", async () => {
    const { prepare, failNext, seen } = await setUp();
    failNext(`${PROPERTIES}/voice_call_id`, () => json(404, problem("OBJECT_NOT_FOUND")));
    expect(await prepare()).toEqual([{ what: "the call property voice_call_id (unique values)", done: "was there" }]);
    expect(seen.map(({ method }) => method)).toEqual(["GET", "GET", "POST", "GET"]);
  });

  test("a wrong token: which one is wanted, and with which scopes", async () => {
    const { open } = await setUp();
    expect(await openFails(open({ access_token: "pat-wrong" }))).toMatchObject({
      kind: "needs-fix",
      code: "http_401",
      reason: expect.stringContaining("INVALID_AUTHENTICATION"),
      fix: expect.stringMatching(
        /^Give access_token a service key \(HubSpot: Development → Keys → Service keys\).*crm\.objects\.contacts\.read, crm\.objects\.contacts\.write, crm\.objects\.owners\.read, crm\.schemas\.contacts\.write/,
      ),
    });
  });

  test("a missing scope is named", async () => {
    const { prepare } = await setUp({ isSetUp: false, scopes: ["crm.objects.contacts.read"] });
    expect(await openFails(prepare())).toMatchObject({
      kind: "needs-fix",
      code: "http_403",
      fix: "Give the service key (or the app) in HubSpot the scope crm.schemas.contacts.write",
    });
  });

  test("nobody listens: a network error, for the caller to tell", async () => {
    const { open } = await setUp();
    const opening = open({ base_url: `http://127.0.0.1:${await closedPort()}` });
    await expect(opening).rejects.toMatchObject({ cause: { code: "ECONNREFUSED" } });
  });

  test("an account that may not be asked who it is gets its calls all the same, without links", async () => {
    const { open, failNext } = await setUp();
    failNext("/account-info/2026-09/details", () => json(403, problem("MISSING_SCOPES")));
    const [outcome] = await send(await open(), deliveryOf(documentedCall()));
    expect(outcome).toMatchObject({ kind: "delivered", receipt: { person: { name: "Dana Example" } } });
    expect(JSON.stringify(outcome)).not.toContain('"url"');
  });

  test("an account in the EU has links to its own pages", async () => {
    const { open, failNext } = await setUp();
    failNext("/account-info/2026-09/details", () => json(200, { portalId: 77, uiDomain: "app-eu1.hubspot.com" }));
    const [outcome] = await send(await open(), deliveryOf(documentedCall()));
    expect(outcome).toMatchObject({ receipt: { url: "https://app-eu1.hubspot.com/contacts/77/record/0-48/301" } });
  });

  test("no answer within the time-out", async () => {
    const { open, failNext } = await setUp();
    failNext(`${PROPERTIES}/voice_call_id`, () => new Promise<Response>(() => undefined));
    await expect(open({}, 100)).rejects.toMatchObject({ name: "TimeoutError" });
  });
});

describe("what HubSpot's answers mean", () => {
  const html = "<html>Bad gateway +14155550100</html>";
  const expired = { fix: expect.stringContaining("expired, as OAuth tokens are after half an hour") };
  const edge = { fix: expect.stringContaining("status.hubspot.com") };
  /** What stands for the account, its region or HubSpot's edge, and what is about this call. */
  test.each([
    ["ten seconds", 429, tooMany("TEN_SECONDLY_ROLLING"), {}, { because: "rate-limit", code: "rate_limit", retryAfterMs: 10_000 }],
    [
      "ten seconds, with Retry-After",
      429,
      tooMany("TEN_SECONDLY_ROLLING"),
      { "retry-after": "37" },
      { because: "rate-limit", code: "rate_limit", retryAfterMs: 37_000 },
    ],
    ["the day", 429, tooMany("DAILY"), {}, { because: "rate-limit", code: "rate_limit_daily", retryAfterMs: 3_600_000 }],
    ["a search", 429, tooMany("SECONDLY"), {}, { because: "rate-limit", scope: "call", code: "rate_limit_search", retryAfterMs: 1_000 }],
    ["a limit without a body", 429, "slow down", {}, { because: "rate-limit", code: "rate_limit", retryAfterMs: 10_000 }],
    ["too many writes at once", 423, problem("LOCKED"), {}, { because: "rate-limit", code: "http_423", retryAfterMs: 2_000 }],
    ["a migration", 477, problem("MIGRATION"), { "retry-after": "86400" }, { because: "down", code: "http_477", retryAfterMs: 86_400_000 }],
    ["a migration of unknown length", 477, "", {}, { because: "down", code: "http_477", retryAfterMs: 900_000 }],
    ["HubSpot is not available", 503, "", {}, { because: "down", code: "http_503" }],
    [
      "HubSpot is not available, for so long",
      503,
      "",
      { "retry-after": "120" },
      { because: "down", code: "http_503", retryAfterMs: 120_000 },
    ],
    ["processing limits", 502, html, {}, { because: "down", code: "http_502" }],
    ["processing limits", 504, "", {}, { because: "down", code: "http_504" }],
    ["an odd answer of the origin", 520, html, {}, { because: "down", code: "http_520" }],
    ["the web server is down", 521, html, {}, { because: "down", code: "http_521" }],
    ["no connection", 522, html, {}, { because: "down", code: "http_522" }],
    ["the origin cannot be reached", 523, html, {}, { because: "down", code: "http_523" }],
    ["a time-out after 100 s", 524, html, {}, { because: "down", code: "http_524" }],
    ["SSL", 525, html, {}, { because: "down", code: "http_525" }],
    ["SSL", 526, html, {}, { because: "down", code: "http_526" }],
    ["an error of the edge", 530, html, {}, { because: "down", code: "http_530" }],
    ["a fault", 500, problem("INTERNAL_ERROR"), {}, { because: "server", code: "http_500" }],
    ["a time-out of the request", 408, "", {}, { because: "record", code: "http_408" }],
    ["a conflict", 409, problem("CONFLICT"), {}, { because: "record", code: "http_409" }],
    ["another host", 302, "", { location: "http://127.0.0.1:9/" }, { kind: "needs-fix", fix: expect.stringContaining("base_url") }],
    ["another host", 307, "", { location: "http://127.0.0.1:9/" }, { kind: "needs-fix", fix: expect.stringContaining("base_url") }],
    ["no right", 401, problem("INVALID_AUTHENTICATION"), {}, { kind: "needs-fix", fix: expect.stringContaining("service key") }],
    ["a token that ran out", 401, problem("EXPIRED_AUTHENTICATION"), {}, { kind: "needs-fix", ...expired }],
    ["a page of the edge", 403, html, {}, { kind: "needs-fix", ...edge }],
    ["an account that is closed", 402, problem("PAYMENT_REQUIRED"), {}, { kind: "needs-fix", code: "http_402" }],
    ["no such path", 404, problem("OBJECT_NOT_FOUND"), {}, { kind: "needs-fix", code: "http_404" }],
    ["a version that has ended", 410, "", {}, { kind: "needs-fix", code: "http_410" }],
    ["an address that is too long", 414, html, {}, { kind: "needs-fix", code: "http_414" }],
    ["another content type", 415, html, {}, { kind: "needs-fix", code: "http_415" }],
    ["headers that are too long", 431, html, {}, { kind: "needs-fix", code: "http_431" }],
    ["a legal reason", 451, html, {}, { kind: "needs-fix", code: "http_451" }],
  ] as const)("%s (%i)", async (_what, status, body, headers, expected) => {
    const answer = () =>
      body === html ? new Response(html, { status, headers: { "content-type": "text/html", ...headers } }) : json(status, body, headers);
    const outcome = await outcomeWhen(UPSERT, answer);
    expect(outcome).toMatchObject({ kind: "retry", ...expected });
    expect(JSON.stringify(outcome)).not.toMatch(/14155550100|payload/);
  });

  test("an overload that only one call meets, while others are taken, is that call's trouble", async () => {
    const { open, failNext } = await setUp();
    const destination = await open();
    expect(await send(destination, deliveryOf(documentedCall()))).toMatchObject([{ kind: "delivered" }]);
    failNext(UPSERT, () => json(504, ""));
    expect(await send(destination, deliveryOf(documentedCall({ call_id: "odd" })))).toMatchObject([{ kind: "retry", because: "server" }]);
  });

  test.each([
    ["JSON that is cut off", () => new Response('{"status":"COM', { headers: { "content-type": "application/json" } })],
    ["HTML with 200", () => new Response("<html>", { headers: { "content-type": "text/html" } })],
    ["nothing about the call", () => json(200, { status: "COMPLETE", results: [] })],
  ])("an answer that cannot be read (%s): later", async (_what, answer) => {
    expect(await outcomeWhen(UPSERT, answer)).toMatchObject({ kind: "retry", because: "record" });
  });

  test("400: never as it is; the vendor's sentence, which may quote the call, is not passed on", async () => {
    const body = problem("VALIDATION_ERROR", {
      errors: [{ message: "Dana", code: "VALUE_TOO_LONG", context: { propertyName: ["hs_call_body"] } }],
    });
    expect(await outcomeWhen(UPSERT, () => json(400, body))).toEqual({
      kind: "rejected",
      code: "http_400",
      reason: "HubSpot answered 400: VALIDATION_ERROR, VALUE_TOO_LONG (hs_call_body), correlation id 0a1b2c3d-0000",
    });
  });

  test("a property that HubSpot does not have is named, and what to do", async () => {
    const { open } = await setUp();
    const [outcome] = await send(await open(), deliveryOf(documentedCall(), { with: { fields: { voice_campaign: "spring" } } }));
    expect(outcome).toMatchObject({
      kind: "rejected",
      reason: expect.stringMatching(
        /PROPERTY_DOESNT_EXIST \(voice_campaign\).*: make the property on calls in HubSpot, or take it out of fields$/,
      ),
    });
  });

  test("a scope that is withdrawn while running", async () => {
    const forbidden = await outcomeWhen(UPSERT, () => new Response("no", { status: 403, headers: { "content-type": "text/plain" } }));
    expect(forbidden).toMatchObject({ kind: "needs-fix", code: "http_403", fix: expect.stringContaining("crm.objects.contacts.write") });
    const { open } = await setUp({ scopes: ["crm.objects.contacts.read"] });
    expect(await send(await open(), deliveryOf(documentedCall()))).toMatchObject([
      { kind: "needs-fix", fix: "Give the service key (or the app) in HubSpot the scope crm.objects.contacts.write" },
    ]);
  });

  test("a connection that drops after the request: it may be there, and sending again makes no second call", async () => {
    const { open, url, sandbox } = await setUp();
    const destination = await open({ base_url: await dropsAfter(url, UPSERT) });
    const [outcome] = await send(destination, deliveryOf(documentedCall()));
    expect(outcome).toMatchObject({ kind: "ambiguous" });
    expect(await sandbox.records()).toHaveLength(1);
    expect(await send(destination, deliveryOf(documentedCall()))).toMatchObject([{ kind: "delivered", receipt: { id: "301" } }]);
    expect(await sandbox.records()).toHaveLength(1);
  });
});

describe("a rule of the account", () => {
  const rule = { property: "hs_call_disposition" };
  const voicemail = (call_id: string) => documentedCall({ call_id, call_outcome: "voicemail", direction: "inbound" });

  test.each([{ multiStatus: false }, { multiStatus: true }])(
    "that requires what a call lacks loses no call: it waits, and what is missing is named, with where the rule is (per item: $multiStatus)",
    async ({ multiStatus }) => {
      const { open, sandbox, seenAt } = await setUp({ requiredOfCalls: [rule], multiStatus });
      const calls = [documentedCall({ call_id: "a" }), voicemail("b"), documentedCall({ call_id: "c" }), voicemail("d")];
      const outcomes = await send(await open(), ...calls.map((call) => deliveryOf(call)));
      expect(outcomes.map(({ kind }) => kind)).toEqual(["delivered", "needs-fix", "delivered", "needs-fix"]);
      expect(outcomes[1]).toEqual({
        kind: "needs-fix",
        code: "required_property",
        reason: "a rule of the HubSpot account requires hs_call_disposition, and this call has no value for it",
        fix:
          "Take the requirement away (HubSpot: Settings → Objects → Activities → Calls, what is required when one is made), " +
          "or give the property a value under outcome, owner or fields in routes.yaml",
      });
      expect(await sandbox.records()).toHaveLength(2);
      expect(seenAt(UPSERT).length).toBeLessThanOrEqual(2);
    },
  );

  test("that requires a property where another one has a value is named as that", async () => {
    const when = { property: "hs_call_direction", value: "INBOUND" };
    const { open } = await setUp({ requiredOfCalls: [{ property: "hs_activity_type", when }] });
    const [inbound, outbound] = await send(
      await open(),
      deliveryOf(documentedCall({ call_id: "a" })),
      deliveryOf(documentedCall({ call_id: "b", direction: "outbound" })),
    );
    expect(inbound).toMatchObject({
      kind: "needs-fix",
      reason: expect.stringContaining("requires hs_activity_type"),
      fix: expect.stringContaining("Settings → Properties"),
    });
    expect(outbound).toMatchObject({ kind: "needs-fix" });
  });

  test("is met by what the route says, and the calls are delivered", async () => {
    const { open } = await setUp({ requiredOfCalls: [rule] });
    const outcome = { voicemail: "Left voicemail" };
    expect(await send(await open(), deliveryOf(voicemail("a"), { with: { outcome } }))).toMatchObject([{ kind: "delivered" }]);
  });

  test("in HubSpot's older words is read too", async () => {
    const body = problem("VALIDATION_ERROR", {
      message: "Error creating CALL. Some required properties were not set.",
      context: { properties: ["hs_activity_type"] },
    });
    expect(await outcomeWhen(UPSERT, () => json(400, body))).toMatchObject({
      kind: "needs-fix",
      reason: expect.stringContaining("requires hs_activity_type"),
    });
  });

  test("by which the token's user may not associate records stops the destination, and loses no call", async () => {
    const body = { status: "error", message: "Missing 'Edit Associations' permission.", category: "VALIDATION_ERROR" };
    expect(await outcomeWhen(ASSOCIATE, () => json(400, body))).toMatchObject({ kind: "needs-fix", code: "edit_associations" });
  });
});

describe("a batch", () => {
  const calls = (count: number) => Array.from({ length: count }, (_, n) => documentedCall({ call_id: `c${n}` }));

  test("one bad call among good ones, which HubSpot names (207)", async () => {
    const { open, sandbox } = await setUp({ multiStatus: true });
    const bad = { with: { fields: { hs_timestamp: "yesterday" } } };
    const outcomes = await send(await open(), ...calls(4).map((call, n) => deliveryOf(call, n === 2 ? bad : {})));
    expect(outcomes.map(({ kind }) => kind)).toEqual(["delivered", "delivered", "rejected", "delivered"]);
    expect(outcomes[2]).toMatchObject({ code: "VALIDATION_ERROR" });
    expect(await sandbox.records()).toHaveLength(3);
  });

  test("one bad call for which HubSpot refuses the whole batch does not take the others with it", async () => {
    const { open, sandbox, seenAt } = await setUp();
    const bad = { with: { fields: { hs_timestamp: "yesterday" } } };
    const outcomes = await send(await open(), ...calls(25).map((call, n) => deliveryOf(call, n === 7 ? bad : {})));
    expect(outcomes.flatMap(({ kind }, n) => (kind === "delivered" ? [] : [[n, kind]]))).toEqual([[7, "rejected"]]);
    expect(await sandbox.records()).toHaveLength(24);
    expect(seenAt(UPSERT).length).toBeLessThanOrEqual(11);
  });

  test("calls with a property that HubSpot does not have are identified at once", async () => {
    const { open, seenAt } = await setUp();
    const bad = { with: { fields: { voice_campaign: "spring" } } };
    const outcomes = await send(await open(), ...calls(25).map((call, n) => deliveryOf(call, n % 2 ? bad : {})));
    expect(outcomes.map(({ kind }) => kind)).toEqual(calls(25).map((_, n) => (n % 2 ? "rejected" : "delivered")));
    expect(seenAt(UPSERT)).toHaveLength(2);
  });

  test("a batch of bad calls does not use up the account's requests: some come later", async () => {
    const { open, seenAt } = await setUp();
    const bad = { with: { fields: { hs_timestamp: "yesterday" } } };
    const outcomes = await send(await open(), ...calls(25).map((call) => deliveryOf(call, bad)));
    expect(new Set(outcomes.map((outcome) => ("code" in outcome ? outcome.code : "")))).toEqual(new Set(["http_400", "batch_refused"]));
    expect(seenAt(UPSERT)).toHaveLength(30);
  });

  test("a search that is limited holds back only its own call", async () => {
    const { open, failNext } = await setUp();
    const destination = await open();
    failNext(SEARCH, () => json(429, tooMany("SECONDLY")));
    const outcomes = await send(
      destination,
      deliveryOf(documentedCall()),
      deliveryOf(documentedCall({ call_id: "b", customer_number: "" })),
    );
    expect(outcomes).toMatchObject([
      { kind: "retry", because: "rate-limit", code: "rate_limit_search", retryAfterMs: 1_000 },
      { kind: "delivered" },
    ]);
  });

  test("a contact that has gone since it was found: the call is put on its successor at the next try", async () => {
    const { open, failNext, sandbox, seenAt } = await setUp();
    const destination = await open();
    failNext(ASSOCIATE, () =>
      json(207, {
        status: "COMPLETE",
        results: [],
        numErrors: 1,
        errors: [problem("OBJECT_NOT_FOUND", { context: {}, links: {}, errors: [] })],
      }),
    );
    expect(await send(destination, deliveryOf(documentedCall()))).toMatchObject([
      { kind: "retry", because: "record", code: "not_associated" },
    ]);
    expect((await sandbox.records())[0]?.body.contacts).toEqual([]);
    expect(await send(destination, deliveryOf(documentedCall()))).toMatchObject([{ kind: "delivered" }]);
    expect((await sandbox.records()).map(({ body }) => body.contacts)).toEqual([["201"]]);
    expect(seenAt(SEARCH)).toHaveLength(2);
  });

  test("an attempt whose time is over writes nothing more", async () => {
    const { open, failNext, seenAt } = await setUp();
    const destination = await open();
    const over = new AbortController();
    failNext(SEARCH, () => {
      over.abort();
      return json(500, problem("INTERNAL_ERROR"));
    });
    const outcomes = await destination.send(
      [deliveryOf(documentedCall()), deliveryOf(documentedCall({ call_id: "b", customer_number: "" }))],
      { signal: over.signal },
    );
    expect(outcomes.map(({ kind }) => kind)).not.toContain("delivered");
    expect(seenAt(UPSERT)).toHaveLength(0);
  });
});

describe("a request that HubSpot never answers", () => {
  /** The next one to this path: when it has come, and when the other side has given it up. */
  function hangNext({ failNext }: Setup, path: string) {
    const came = Promise.withResolvers<void>();
    const givenUp = Promise.withResolvers<void>();
    failNext(path, ({ signal }) => {
      came.resolve();
      return new Promise((resolve) => {
        signal.addEventListener("abort", () => {
          givenUp.resolve();
          resolve(new Response());
        });
      });
    });
    return { came: came.promise, givenUp: givenUp.promise };
  }

  test.each([
    ["a search", SEARCH],
    ["the write", UPSERT],
    ["an association", ASSOCIATE],
  ])("ends with its attempt: %s holds no connection open", async (_what, path) => {
    const setup = await setUp();
    const destination = await setup.open();
    const { came, givenUp } = hangNext(setup, path);
    const over = new AbortController();
    const sending = destination.send([deliveryOf(documentedCall())], { signal: over.signal }).catch(() => undefined);
    await came;
    over.abort(new Error("time is over"));
    await givenUp;
    await sending;
  });

  test("ends when the destination is closed, at the latest after an attempt's time", async () => {
    const setup = await setUp();
    const destination = await setup.open({}, 500);
    const { came, givenUp } = hangNext(setup, UPSERT);
    const sending = destination.send([deliveryOf(documentedCall())], { signal: new AbortController().signal });
    await came;
    await destination.close();
    await givenUp;
    expect((await sending)[0]?.kind).not.toBe("delivered");
  });

  test("a destination that is closed while calls are under way lets them end: one refused call opens it again for all", async () => {
    const { open, failNext, sandbox } = await setUp();
    const destination = await open();
    const came = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<void>();
    failNext(UPSERT, async (request) => {
      const copy = request.clone();
      came.resolve();
      await answer.promise;
      return (await sandbox.fetch?.(copy)) ?? Response.error();
    });
    const sending = send(destination, deliveryOf(documentedCall()));
    await came.promise;
    const closing = destination.close();
    answer.resolve();
    expect(await sending).toMatchObject([{ kind: "delivered", receipt: { extra: { contacts: "201" } } }]);
    await closing;
  });
});
