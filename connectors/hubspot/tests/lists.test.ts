import { describe, expect, test } from "vitest";
import type { Receipt } from "../../../src/connector/index.ts";
import { documentedCall } from "../../../test/support/documented-call.ts";
import { deliveryOf, KEY, SEARCH, send, setUp, type Words } from "../../../test/support/hubspot.ts";
import type { HubSpotSandboxOptions } from "../sandbox/index.ts";

type Contact = NonNullable<HubSpotSandboxOptions["contacts"]>[number];

/** So many contacts with the caller's number, each changed a day after the one before. */
const crowd = (count: number, changes: (n: number) => Partial<Contact> = () => ({})): Contact[] =>
  Array.from({ length: count }, (_, n) => ({
    id: String(n + 1),
    firstname: "Contact",
    lastname: String(n + 1),
    phone: "+14155550100",
    updatedAt: new Date(Date.UTC(2015, 0, 1) + n * 86_400_000).toISOString(),
    ...changes(n),
  }));

function receiptOf(outcome: unknown): Receipt {
  expect(outcome).toMatchObject({ kind: "delivered" });
  return (outcome as { receipt: Receipt }).receipt;
}

/** The documented call's receipt in such an account, what HubSpot has of it, and how many searches that took. */
async function logged(options: HubSpotSandboxOptions & { with?: Words }) {
  const { with: words = {}, ...account } = options;
  const { open, sandbox, seenAt } = await setUp(account);
  const receipt = receiptOf((await send(await open(), deliveryOf(documentedCall(), { with: words })))[0]);
  return { receipt, on: (await sandbox.records())[0]?.body, searches: seenAt(SEARCH).length };
}

describe("of many contacts with one number", () => {
  test("most_recent takes the one that was changed last, of 150 and of 450, and all are counted", async () => {
    const few = await logged({ contacts: crowd(150), with: { match: { on_many: "most_recent" } } });
    expect(few).toMatchObject({ receipt: { found: 150, person: { id: "150" } }, on: { contacts: ["150"] }, searches: 1 });
    const many = await logged({ contacts: crowd(450).reverse(), with: { match: { on_many: "most_recent" } } });
    expect(many).toMatchObject({ receipt: { found: 450, person: { id: "450" } }, on: { contacts: ["450"] }, searches: 3 });
  });

  test("owner takes the one that the call's owner owns, which is on the last page", async () => {
    const contacts = crowd(450, (n) => (n === 3 ? { hubspot_owner_id: "701" } : {}));
    const { receipt } = await logged({ contacts, with: { owner: "sales@example.com", match: { on_many: "owner" } } });
    expect(receipt).toMatchObject({ found: 450, person: { id: "4" } });
  });

  test("all puts the call on each of them", async () => {
    const { on, receipt } = await logged({ contacts: crowd(150), with: { match: { on_many: "all" } } });
    expect(on?.contacts).toHaveLength(150);
    expect(receipt.found).toBe(150);
  });

  test("those who only look alike hide nobody, however many there are", async () => {
    const others = crowd(399, () => ({ phone: "+52 415 555 0100" }));
    const { receipt, searches } = await logged({ contacts: [...crowd(1, () => ({ id: "9001" })), ...others] });
    expect(receipt).toMatchObject({ found: 1, person: { id: "9001" } });
    expect(searches).toBe(2);
  });

  test("beyond two thousand those who were changed last are known, and HubSpot's count of all", async () => {
    const { receipt, searches } = await logged({ contacts: crowd(2_150) });
    expect(receipt).toMatchObject({ found: 2_150, person: { id: "2150" } });
    expect(searches).toBe(10);
  });
});

describe("a list of several pages is read to its end", () => {
  const COMPANY = "/crm/associations/2026-09/contacts/companies/batch/read";
  const DEALS = "/crm/associations/2026-09/contacts/deals/batch/read";

  test("the owners with an address", async () => {
    const { open, failNext, seenAt } = await setUp();
    const destination = await open();
    const page = (results: object[], after?: string) =>
      Response.json({ results, ...(after === undefined ? {} : { paging: { next: { after, link: "" } } }) });
    const owner = (id: string, email: string) => ({ id, email, firstName: "", lastName: "", archived: false });
    failNext("/crm/owners/2026-09", () => page([owner("1", "other@example.com")], "1"));
    failNext("/crm/owners/2026-09", () => page([owner("701", "sales@example.com")]));
    const receipt = receiptOf((await send(destination, deliveryOf(documentedCall(), { with: { owner: "Sales@Example.com" } })))[0]);
    expect(receipt.extra?.owner).toBe("701");
    expect(seenAt("/crm/owners/2026-09")).toHaveLength(2);
  });

  test("a contact's companies: the primary one may be the last", async () => {
    const otherCompanies = Array.from({ length: 7 }, (_, n) => String(850 + n));
    const { open, sandbox, seenAt } = await setUp({
      belongs: { "201": { primaryCompany: "801", otherCompanies } },
      associationsPerPage: 3,
    });
    receiptOf((await send(await open(), deliveryOf(documentedCall(), { with: { associate: ["contact", "company"] } })))[0]);
    expect((await sandbox.records())[0]?.body.companies).toEqual(["801"]);
    expect(seenAt(COMPANY)).toHaveLength(3);
  });

  test("a contact's deals: the newest open one is the first of 120, and HubSpot reads a hundred at once", async () => {
    const deals = Array.from({ length: 120 }, (_, n) => ({
      id: String(1_000 + n),
      isClosed: n > 0,
      createdate: "2025-01-02T09:00:00.000Z",
    }));
    const { open, sandbox, seenAt } = await setUp({
      deals,
      belongs: { "201": { deals: deals.map(({ id }) => id) } },
      associationsPerPage: 50,
    });
    receiptOf((await send(await open(), deliveryOf(documentedCall(), { with: { associate: ["contact", "open_deal"] } })))[0]);
    expect((await sandbox.records())[0]?.body.deals).toEqual(["1000"]);
    expect(seenAt(DEALS)).toHaveLength(3);
  });

  test("the contacts that a call is on, when it is put on another one", async () => {
    const contacts = [...crowd(5), ...crowd(1, () => ({ id: "9001", phone: "" }))];
    const { open, sandbox } = await setUp({ contacts, associationsPerPage: 2 });
    const destination = await open();
    const receipt = receiptOf((await send(destination, deliveryOf(documentedCall(), { with: { match: { on_many: "all" } } })))[0]);
    await destination.rematch?.({ key: KEY, receipt, to: "9001" }, { signal: AbortSignal.timeout(15_000) });
    expect((await sandbox.records())[0]?.body.contacts).toEqual(["9001"]);
  });
});
