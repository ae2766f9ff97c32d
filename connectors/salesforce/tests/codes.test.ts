import { describe, expect, test } from "vitest";
import { serveSandbox } from "../../../src/sandbox/serve.ts";
import {
  atTheEnd,
  count,
  deliveryOf,
  documentedCall,
  opening,
  receiptOf,
  sendOne,
  startOrg,
  TOKEN,
  UPSERT,
} from "../../../test/support/salesforce.ts";
import { outcomeOfReading, outcomeOfSalesforceError } from "../errors.ts";
import { readVendorErrors, SalesforceError } from "../vendor-error.ts";

const page = "<html>maintenance</html>";
const down = { kind: "retry", because: "down" };
const slow = { kind: "retry", because: "rate-limit" };
const later = { kind: "retry", because: "record" };
const server = { kind: "retry", because: "server" };
const refusedUs = { kind: "needs-fix", fix: expect.stringMatching(/\w/) };
const refusedIt = { kind: "rejected" };
const unclear = { kind: "ambiguous" };

/** As Salesforce answers a whole request, and as it answers one record of it: what it means is the same. */
const CODES: [string, number, object][] = [
  ["SERVER_UNAVAILABLE", 503, down],
  ["INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE", 400, down],
  ["ORG_IN_MAINTENANCE", 403, down],
  ["ORG_IS_SIGNING_UP", 403, down],
  ["FUNCTIONALITY_TEMPORARILY_UNAVAILABLE", 403, down],
  ["SSO_SERVICE_DOWN", 403, down],
  ["REQUEST_LIMIT_EXCEEDED", 403, slow],
  ["TOO_MANY_APEX_REQUESTS", 403, slow],
  ["EXCEEDED_RATE_LIMIT", 403, slow],
  ["UNABLE_TO_LOCK_ROW", 400, later],
  ["QUERY_TIMEOUT", 400, later],
  ["REQUEST_RUNNING_TOO_LONG", 400, later],
  ["LIMIT_EXCEEDED", 400, later],
  ["CANNOT_UPDATE_CONVERTED_LEAD", 400, later],
  ["INVALID_CROSS_REFERENCE_KEY", 400, later],
  ["ENTITY_IS_DELETED", 400, later],
  ["INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", 400, later],
  ["API_DISABLED_FOR_ORG", 403, refusedUs],
  ["API_CURRENTLY_DISABLED", 403, refusedUs],
  ["FUNCTIONALITY_NOT_ENABLED", 403, refusedUs],
  ["ORG_LOCKED", 403, refusedUs],
  ["ORG_SUSPENDED", 403, refusedUs],
  ["TRIAL_EXPIRED", 403, refusedUs],
  ["LICENSE_LIMIT_EXCEEDED", 403, refusedUs],
  ["STORAGE_LIMIT_EXCEEDED", 400, refusedUs],
  ["EXCEEDED_QUOTA", 400, refusedUs],
  ["PASSWORD_LOCKOUT", 403, refusedUs],
  ["INVALID_OPERATION_WITH_EXPIRED_PASSWORD", 403, refusedUs],
  ["LOGIN_DURING_RESTRICTED_TIME", 403, refusedUs],
  ["LOGIN_DURING_RESTRICTED_DOMAIN", 403, refusedUs],
  ["TXN_SECURITY_NO_ACCESS", 403, refusedUs],
  ["TXN_SECURITY_END_A_SESSION", 403, refusedUs],
  ["TXN_SECURITY_RUNTIME_EXCEPTION", 403, refusedUs],
  ["TXN_SECURITY_METERING_ERROR", 403, refusedUs],
  ["CLIENT_NOT_ACCESSIBLE_FOR_USER", 403, refusedUs],
  ["MUTUAL_AUTHENTICATION_FAILED", 403, refusedUs],
  ["UNSUPPORTED_API_VERSION", 410, refusedUs],
  ["INSUFFICIENT_ACCESS_OR_READONLY", 403, refusedUs],
  ["FIELD_CUSTOM_VALIDATION_EXCEPTION", 400, refusedIt],
  ["REQUIRED_FIELD_MISSING", 400, refusedIt],
  ["ENTITY_IS_LOCKED", 400, refusedIt],
  ["A_CODE_THAT_COMES_LATER", 400, refusedIt],
];

describe("whose trouble an error is", () => {
  test.each(CODES)("%s (%i)", (code, status, expected) => {
    const errors = readVendorErrors([{ errorCode: code, message: "no" }]);
    expect(outcomeOfSalesforceError(new SalesforceError({ status, errors }))).toMatchObject({ code, ...expected });
    const ofItem = readVendorErrors([{ statusCode: code, message: "no", fields: [] }]);
    expect(outcomeOfSalesforceError(new SalesforceError({ errors: ofItem }))).toMatchObject({ code, ...expected });
  });

  // What an edge, a proxy or a maintenance page answers: no code of Salesforce's, and no call's fault.
  test.each([
    [300, refusedIt],
    [302, refusedUs],
    [307, refusedUs],
    [400, refusedUs],
    [401, refusedUs],
    [403, refusedUs],
    [404, refusedUs],
    [405, refusedUs],
    [409, refusedUs],
    [410, refusedUs],
    [412, refusedUs],
    [413, refusedUs],
    [414, refusedUs],
    [415, refusedUs],
    [420, down],
    [428, refusedUs],
    [429, slow],
    [431, refusedUs],
    [451, refusedUs],
    [500, server],
    [502, down],
    [503, down],
    [504, server],
    [520, server],
  ])("a page with the status %i", (status, expected) => {
    const errors = status === 300 ? [{ code: "MULTIPLE_CHOICES" }] : readVendorErrors(page);
    expect(outcomeOfSalesforceError(new SalesforceError({ status, errors }))).toMatchObject(expected);
  });

  test("a wait that Salesforce names is kept, and a limit that names none has one of its own", () => {
    const of = (options: ConstructorParameters<typeof SalesforceError>[0]) => outcomeOfSalesforceError(new SalesforceError(options));
    expect(of({ status: 503, retryAfterMs: 90_000 })).toMatchObject({ ...down, retryAfterMs: 90_000 });
    const daily = readVendorErrors([{ errorCode: "REQUEST_LIMIT_EXCEEDED", message: "TotalRequests Limit exceeded." }]);
    const concurrent = readVendorErrors([{ errorCode: "REQUEST_LIMIT_EXCEEDED", message: "ConcurrentPerOrgLongTxn Limit exceeded." }]);
    expect(of({ status: 403, errors: daily })).toMatchObject({ ...slow, retryAfterMs: 900_000 });
    expect(of({ status: 403, errors: concurrent })).toMatchObject({ ...slow, retryAfterMs: 5_000 });
    expect(of({ status: 503, errors: concurrent, retryAfterMs: 2_000 })).toMatchObject({ ...slow, retryAfterMs: 2_000 });
  });

  test("what befell a trigger or flow is read from its message: a lock, maintenance, a full org, its limits", () => {
    const of = (message: string) =>
      outcomeOfSalesforceError(
        new SalesforceError({ errors: readVendorErrors([{ statusCode: "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message }]) }),
      );
    expect(of("T: execution of AfterInsert caused by: Update failed. first error: UNABLE_TO_LOCK_ROW, unable to obtain")).toMatchObject(
      later,
    );
    expect(of("T: first error: INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE, Updates can't be made")).toMatchObject(down);
    expect(of("T: first error: STORAGE_LIMIT_EXCEEDED, storage limit exceeded")).toMatchObject(refusedUs);
    expect(of("T: System.LimitException: Apex CPU time limit exceeded")).toMatchObject(later);
    expect(of("T: System.NullPointerException: Attempt to de-reference a null object")).toMatchObject(refusedIt);
  });

  test("read-only mode is not taken for a missing permission, also for a Task that is updated", () => {
    const error = (message: string) =>
      new SalesforceError({ errors: readVendorErrors([{ statusCode: "INSUFFICIENT_ACCESS_OR_READONLY", message }]) });
    expect(outcomeOfSalesforceError(error("This organization is in read only mode"), { isUpdate: true })).toMatchObject(down);
    expect(outcomeOfSalesforceError(error("insufficient access rights on object id"), { isUpdate: true })).toMatchObject(refusedIt);
    expect(outcomeOfSalesforceError(error("insufficient access rights on object id"))).toMatchObject(refusedUs);
  });

  test("an answer that cannot be read is unclear for a write, and a wait for what is only read", () => {
    expect(outcomeOfSalesforceError(new SalesforceError({ errors: [{ code: "UNREADABLE_ANSWER" }] }))).toMatchObject(unclear);
    const reading = { what: "the search by phone", fix: "grant it" };
    expect(outcomeOfReading(new SalesforceError({ errors: [{ code: "UNREADABLE_ANSWER" }] }), reading)).toMatchObject(later);
    expect(outcomeOfReading(new SalesforceError({ status: 503 }), reading)).toMatchObject(down);
  });
});

describe("a site switch, twice a year", () => {
  test("no call of a batch becomes a dead letter: the destination is down, new Tasks and updates alike", async () => {
    const org = await startOrg();
    const destination = await org.open();
    const previous = await receiptOf(sendOne(destination, deliveryOf(documentedCall())));
    const statusCode = "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE";
    const errors = [
      { statusCode, message: "Updates can't be made during maintenance. Try again when maintenance is complete.", fields: [] },
    ];
    org.fault.now = (request) => (request.method === "PATCH" ? Response.json([{ success: false, errors }]) : undefined);
    expect(await sendOne(destination, deliveryOf(documentedCall({ call_id: "call_2" })))).toMatchObject(down);
    expect(await sendOne(destination, deliveryOf(documentedCall({ duration_seconds: 150 }), { previous }))).toMatchObject(down);
  });

  test("an org that has moved to another instance is found by a login, and the call goes there", async () => {
    const before = await startOrg();
    const destination = await before.open();
    const after = await startOrg();
    let isMoved = false;
    before.fault.now = async (request) => {
      if (!request.url.endsWith("/token")) {
        isMoved = true;
        return Response.json([{ errorCode: "ORG_NOT_OWNED_BY_INSTANCE", message: "moved" }], { status: 400 });
      }
      const form = await request.text();
      return after.sandbox.fetch(
        new Request(`${after.url}/services/oauth2/token`, { method: "POST", headers: request.headers, body: form }),
      );
    };
    await receiptOf(sendOne(destination, deliveryOf(documentedCall())));
    expect([isMoved, (await after.sandbox.records()).length]).toEqual([true, 1]);
  });

  test("one that the edge does not know any more is down after one login that tells nothing new", async () => {
    const org = await startOrg();
    const destination = await org.open();
    const before = count(org, TOKEN);
    org.fault.now = (request) => (request.url.endsWith("/token") ? undefined : new Response(page, { status: 420 }));
    expect(await sendOne(destination, deliveryOf(documentedCall()))).toMatchObject({ ...down, code: "HTTP_420" });
    expect(count(org, TOKEN)).toBe(before + 1);
  });
});

describe("a redirect leads nowhere", () => {
  test.each([301, 302, 303, 307, 308])("%i: neither the call's text nor a credential reaches the other address", async (status) => {
    const met: string[] = [];
    const elsewhere = await serveSandbox({
      sandbox: {
        fetch: (request) => {
          met.push(request.url);
          return new Response("{}");
        },
      } as Parameters<typeof serveSandbox>[0]["sandbox"],
    });
    atTheEnd.push(() => elsewhere.close());
    const redirect = () => new Response(null, { status, headers: { location: `${elsewhere.url}/services/data` } });
    const org = await startOrg();
    const destination = await org.open();
    org.fault.now = (request) => (request.url.endsWith("/token") ? undefined : redirect());
    expect(await sendOne(destination, deliveryOf(documentedCall()))).toMatchObject({ ...refusedUs, code: `HTTP_${status}` });
    expect(await sendOne(destination, deliveryOf(documentedCall({ customer_number: "" })))).toMatchObject(refusedUs);
    org.fault.now = redirect;
    expect(await opening(org.open())).toMatchObject({ kind: "needs-fix" });
    expect([met, count(org, UPSERT)]).toEqual([[], 0]);
  });
});
