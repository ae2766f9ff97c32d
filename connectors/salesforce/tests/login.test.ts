import { describe, expect, test } from "vitest";
import { z } from "zod";
import {
  count,
  deliveryOf,
  documentedCall,
  keys,
  opening,
  receiptOf,
  sendOne,
  startOrg,
  TOKEN,
  tasksOf,
  UPSERT,
} from "../../../test/support/salesforce.ts";
import { salesforce } from "../index.ts";
import { explainLogin } from "../login-errors.ts";
import { REFRESH_TOKEN, USERNAME } from "../sandbox/oauth.ts";

describe("logging in", () => {
  test("JWT bearer: an assertion signed with the app's key opens the org", async () => {
    const { publicKey, privateKey } = keys();
    const org = await startOrg({ publicKey });
    const jwt = { client_secret: undefined, username: USERNAME };
    await org.open({ ...jwt, private_key: privateKey });
    const destination = await org.open({ ...jwt, private_key: privateKey.replaceAll("\n", "\\n") });
    await receiptOf(sendOne(destination, deliveryOf(documentedCall())));
  });

  test("JWT bearer: the fix names what is wrong", async () => {
    const { publicKey, privateKey } = keys();
    const org = await startOrg({ publicKey });
    const jwt = { client_secret: undefined, username: USERNAME, private_key: privateKey };
    const fixFor = async (changes: Record<string, string>) => {
      const outcome = await opening(org.open({ ...jwt, ...changes }));
      expect(outcome).toMatchObject({ kind: "needs-fix", code: "invalid_grant" });
      return outcome.kind === "needs-fix" ? outcome.fix : "";
    };
    expect(await fixFor({ private_key: keys().privateKey })).toMatch(
      /private_key does not belong to the certificate .*External Client App Manager/,
    );
    expect(await fixFor({ audience: "https://example.com" })).toMatch(/^Set audience/);
    expect(await fixFor({ username: "nobody@example.com" })).toMatch(/Admin approved users are pre-authorized/);
  });

  test("client credentials: the fix names what is wrong", async () => {
    const org = await startOrg();
    expect(await opening(org.open({ client_secret: "wrong" }))).toMatchObject({
      kind: "needs-fix",
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

  test.each([
    ["server_error", "", { kind: "retry", because: "down" }],
    ["temporarily_unavailable", "", { kind: "retry", because: "down" }],
    ["unknown_error", "retry your request", { kind: "retry", because: "down" }],
    ["invalid_grant", "the org is under maintenance, try again later", { kind: "retry", because: "down" }],
    ["rate_limit_exceeded", "", { kind: "retry", because: "rate-limit", retryAfterMs: 60_000 }],
    ["inactive_org", "organization is locked, closed or suspended", { kind: "needs-fix", fix: expect.stringContaining("administrator") }],
    ["org_locked", "", { kind: "needs-fix", fix: expect.stringContaining("administrator") }],
    ["invalid_grant", "ip restricted", { kind: "needs-fix", fix: expect.stringContaining("IP ranges") }],
    ["invalid_grant", "user is inactive", { kind: "needs-fix", fix: expect.stringContaining("not active") }],
    ["Something Odd", "", { kind: "needs-fix", code: "login_refused" }],
  ])("an outage, a limit and a refusal of the login are three things: %s %s", (code, description, expected) => {
    for (const flow of ["client_credentials", "jwt", "refresh_token"] as const) {
      expect(explainLogin({ code, description, flow })).toMatchObject(expected);
    }
  });

  test("refresh token: with and without the app's secret it opens the org, and again when the session has expired", async () => {
    const org = await startOrg();
    await org.open({ refresh_token: REFRESH_TOKEN });
    const destination = await org.open({ client_secret: undefined, refresh_token: REFRESH_TOKEN });
    org.sandbox.expireTokens();
    await receiptOf(sendOne(destination, deliveryOf(documentedCall())));
    expect(count(org, TOKEN)).toBe(3);
  });

  test("refresh token: the fix names one that is revoked, or that the app changes at each login", async () => {
    const org = await startOrg();
    const refresh = { client_secret: undefined, refresh_token: REFRESH_TOKEN };
    expect(await opening(org.open({ ...refresh, refresh_token: "wrong-credential" }))).toMatchObject({
      kind: "needs-fix",
      code: "invalid_grant",
      fix: expect.stringMatching(/^refresh_token has expired or was revoked: log in to the app once more/),
    });
    org.sandbox.rotateRefreshTokens();
    expect(await opening(org.open(refresh))).toMatchObject({
      kind: "needs-fix",
      code: "refresh_token_rotates",
      fix: expect.stringContaining("Refresh Token Rotation"),
    });
  });

  test("a session that expires is renewed once, for all who notice", async () => {
    const org = await startOrg();
    const destination = await org.open();
    org.sandbox.expireTokens();
    const [first, second] = await Promise.all([
      sendOne(destination, deliveryOf(documentedCall({ call_id: "call_1" }))),
      sendOne(destination, deliveryOf(documentedCall({ call_id: "call_2", customer_number: "+14155550101" }))),
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
    await receiptOf(sendOne(destination, deliveryOf(documentedCall())));
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
    const outcome = await sendOne(destination, deliveryOf(documentedCall()));
    expect(outcome).toMatchObject({ kind: "needs-fix", code: "INVALID_SESSION_ID", fix: expect.stringContaining("Login History") });
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
    expect(await sendOne(destination, deliveryOf(documentedCall()))).toMatchObject({ kind: "needs-fix", code: "inactive_user" });
  });

  test("an address of something else is distinguished from a wrong password", async () => {
    const org = await startOrg();
    org.fault.now = () => new Response("<html>Welcome</html>", { headers: { "content-type": "text/html" } });
    expect(await opening(org.open())).toMatchObject({ kind: "needs-fix", code: "no_token", fix: expect.stringContaining("My Domain") });
    org.fault.now = () => Response.redirect("http://127.0.0.1:1/elsewhere", 302);
    expect(await opening(org.open())).toMatchObject({ kind: "needs-fix", fix: expect.stringContaining("login_url") });
    org.fault.now = () => new Response("<html>502</html>", { status: 502, headers: { "content-type": "text/html" } });
    expect(await opening(org.open())).toMatchObject({ kind: "retry", because: "down" });
  });

  test("an access token is never sent over an open line that the org did not have", async () => {
    const org = await startOrg();
    org.fault.now = () => Response.json({ access_token: "t", instance_url: "http://org.example.com", id: "x/y/z", token_type: "Bearer" });
    expect(await opening(org.open())).toMatchObject({ kind: "needs-fix", code: "no_token" });
  });

  test("a missing external id field is named, with the way to create it", async () => {
    const org = await startOrg({ externalIdField: null });
    expect(await opening(org.open())).toEqual({
      kind: "needs-fix",
      code: "missing_external_id",
      reason: "Task has no field Voice_Call_Id__c, or the integration user cannot see it",
      fix: expect.stringMatching(/Setup → Object Manager → Activity .*Text, length 255, External ID.*field-level security/),
    });
    const other = await startOrg({ externalIdField: "Call_Key__c" });
    const receipt = await receiptOf(sendOne(await other.open({ external_id_field: "Call_Key__c" }), deliveryOf(documentedCall())));
    expect((await other.sandbox.records()).map(({ key, id }) => [key, id])).toEqual([["voiceinfra/call_01HXYZ123456", receipt.id]]);
    expect(await opening(other.open({ external_id_field: "Campaign__c" }))).toMatchObject({ code: "not_external_id" });
  });

  test("an API version that the org does not have is named", async () => {
    const org = await startOrg();
    expect(await opening(org.open({ api_version: "99.0" }))).toMatchObject({
      kind: "needs-fix",
      code: "NOT_FOUND",
      fix: expect.stringContaining("api_version"),
    });
  });

  test("base_url leads both the login and the calls to another address", async () => {
    const org = await startOrg();
    await receiptOf(
      sendOne(await org.open({ login_url: "https://example.my.salesforce.com", base_url: `${org.url}/` }), deliveryOf(documentedCall())),
    );
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
    expect(problems(bare)).toEqual(["client_secret is missing: give it, or username and private_key, or refresh_token"]);
    expect(problems({ ...fine, username: "u", private_key: privateKey })).toEqual([
      "client_secret and username with private_key are two ways to log in: give one of them",
    ]);
    expect(problems({ ...bare, refresh_token: "r" })).toEqual([]);
    expect(problems({ ...fine, refresh_token: "r", login_url: "https://login.salesforce.com" })).toEqual([]);
    expect(problems({ ...bare, refresh_token: "r", username: "u", private_key: privateKey })).toEqual([
      "refresh_token and username with private_key are two ways to log in: give one of them",
    ]);
    expect(problems({ ...bare, username: "u", password: "p" })[0]).toMatch(/password|private_key is missing/);
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
