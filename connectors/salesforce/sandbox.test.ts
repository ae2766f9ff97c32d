import { describe, expect, test } from "vitest";
import { FIELD } from "../../test/support/salesforce.ts";
import { createSandbox } from "./sandbox.ts";

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
