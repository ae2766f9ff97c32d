import { describe, expect, test } from "vitest";
import { FIELD } from "../../../test/support/salesforce.ts";
import { createAdmin } from "../sandbox/admin.ts";
import { createSandbox } from "../sandbox/index.ts";
import { PEOPLE, recordId } from "../sandbox/people.ts";
import { type PhoneIndex, search } from "../sandbox/search.ts";
import { createQueries } from "../sandbox/soql.ts";

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

  test("an External ID is read without regard to case, as Salesforce reads it", async () => {
    const results = (await (await upsert([record("a"), record("A"), record("b")])).json()) as { success: boolean }[];
    expect(results.map(({ success }) => success)).toEqual([false, false, true]);
  });

  test("a query is refused for what the org has not, and quotes in it must be escaped", () => {
    const rows = [{ Id: "1", Email: "o'neil@example.com", IsActive: true }];
    const tables = { User: { columns: ["Id", "Email", "IsActive"], rows } };
    const ask = (soql: string) => createQueries().first({ soql, tables, path: "/services/data/v65.0/query" });
    expect(ask("SELECT Id FROM User WHERE Email = 'o'neil@example.com'").status).toBe(400);
    expect(ask("SELECT Id, Nowhere__c FROM User").status).toBe(400);
    expect(ask("SELECT Id FROM Nobody").status).toBe(400);
    expect(ask("DELETE FROM User").status).toBe(400);
    // AND and OR side by side need brackets.
    expect(ask("SELECT Id FROM User WHERE Id = '1' OR Id = '2' AND IsActive = true").status).toBe(400);
    expect(ask("SELECT Id FROM User WHERE (Id = '1' OR Id = '2') AND IsActive = true").status).toBe(200);
    expect(ask("SELECT Id FROM User WHERE IsActive = true AND Email IN ('x','O\\'Neil@example.com') LIMIT 1").status).toBe(200);
  });

  test("a search is refused when it is malformed, too long, or names a field that an object has not", () => {
    const find = (term: string, returning = "Account(Id, Phone)") =>
      search(`FIND {${term}} IN PHONE FIELDS RETURNING ${returning}`, PEOPLE).status;
    expect(find("4155550100 OR 14155550100")).toBe(200);
    expect(find("+14155550100")).toBe(400);
    expect(find("4155550100 OR ")).toBe(400);
    expect(find(Array.from({ length: 400 }, () => "4155550100").join(" OR "))).toBe(400);
    expect(find("4155550100", "Account(Id, MobilePhone)")).toBe(400);
    expect(find("*5550100")).toBe(400);
    expect(find('"415 555 0100"')).toBe(200);
    expect(find("(415) 555-0100")).toBe(400);
  });

  test("a number is found as one word and as its groups, an extension in it or not, and at the beginning of a word only", async () => {
    const contact = (Phone: string) => ({ kind: "Contact" as const, Id: recordId("003", 1), Name: "n", Phone, LastModifiedDate: "" });
    const finds = async (term: string, Phone: string, index?: PhoneIndex) => {
      const answer = search(`FIND {${term}} IN PHONE FIELDS RETURNING Contact(Id)`, [contact(Phone)], index);
      return ((await answer.json()) as { searchRecords: unknown[] }).searchRecords.length === 1;
    };
    expect(await finds("4155550100", "(415) 555-0100")).toBe(true);
    expect(await finds("4155550100", "+1 (415) 555-0100")).toBe(false);
    expect(await finds("4155550100", "(415) 555-0100 x204", "each number")).toBe(true);
    expect(await finds("4155550100", "(415) 555-0100 x204", "whole field")).toBe(false);
    expect(await finds("4155550100*", "(415) 555-0100 x204", "whole field")).toBe(true);
    expect(await finds("415555*", "1 415 555 0100")).toBe(false);
    expect(await finds('"415 555 0100"', "030 1234 / (415) 555-0100")).toBe(true);
    expect(await finds('"415 0100"', "(415) 555-0100")).toBe(false);
  });

  test("a search gives 2,000 records at most, all objects together; a query gives them page by page", async () => {
    const crowd = Array.from({ length: 2_500 }, (_, index) => ({
      kind: "Contact" as const,
      Id: recordId("003", index),
      Name: "n",
      Phone: "4155550100",
      LastModifiedDate: `2025-01-01T00:00:0${index % 10}.000+0000`,
    }));
    const both = search("FIND {4155550100} IN PHONE FIELDS RETURNING Contact(Id), Lead(Id)", crowd);
    expect(((await both.json()) as { searchRecords: unknown[] }).searchRecords).toHaveLength(1_000);
    const tables = { Contact: { columns: ["Id", "Phone"], rows: crowd } };
    const queries = createQueries();
    const soql = "SELECT Id FROM Contact WHERE Phone LIKE '%415%0100%'";
    const first = (await queries.first({ soql, tables, path: "/q" }).json()) as Record<string, unknown>;
    expect([first.totalSize, first.done, (first.records as unknown[]).length]).toEqual([2_500, false, 2_000]);
    const cursor = String(first.nextRecordsUrl).slice("/q/".length);
    const second = (await queries.next({ cursor, path: "/q" }).json()) as Record<string, unknown>;
    expect([second.done, (second.records as unknown[]).length]).toEqual([true, 500]);
    expect(queries.next({ cursor: "01gNowhere-2000", path: "/q" }).status).toBe(400);
  });

  test("a field may only be made on Activity, and only by who may", () => {
    const admin = (mayCustomize: boolean) => createAdmin({ fields: [], hidden: [], mayCustomize, integrationUser: "u" });
    const Metadata = { type: "Text", label: "x", length: 255, externalId: true };
    expect(admin(true).makeField({ FullName: "Task.X__c", Metadata }).status).toBe(400);
    expect(admin(true).makeField({ FullName: "Activity.X__c", Metadata: { ...Metadata, length: 256 } }).status).toBe(400);
    expect(admin(false).makeField({ FullName: "Activity.X__c", Metadata }).status).toBe(400);
    const org = admin(true);
    expect(org.makeField({ FullName: "Activity.X__c", Metadata }).status).toBe(201);
    // Until somebody is let see it, nobody does.
    expect(org.fields()).toEqual([]);
  });
});
