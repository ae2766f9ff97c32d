import { z } from "zod";
import { notFound, validationError } from "./errors.ts";
import { parseBody } from "./properties.ts";

/** A colleague who can own records. */
export interface SandboxOwner {
  id: string;
  email: string;
  firstName: string;
  lastName: string;
  /** `false`: has left; is listed no more, and refused as an owner. */
  isActive?: boolean;
}

export interface SandboxDeal {
  id: string;
  isClosed: boolean;
  /** ISO 8601. */
  createdate: string;
}

export const PORTAL_ID = 4242;

export const SANDBOX_OWNERS: SandboxOwner[] = [
  { id: "701", email: "sales@example.com", firstName: "Sam", lastName: "Seller" },
  { id: "702", email: "support@example.com", firstName: "Sasha", lastName: "Helper" },
];

export const SANDBOX_DEALS: SandboxDeal[] = [
  { id: "901", isClosed: false, createdate: "2025-01-02T09:00:00.000Z" },
  { id: "902", isClosed: true, createdate: "2025-01-05T09:00:00.000Z" },
];

const ReadDeals = z.strictObject({
  inputs: z.array(z.strictObject({ id: z.string().min(1) })).min(1),
  properties: z.array(z.string()),
  propertiesWithHistory: z.array(z.string()),
  idProperty: z.string().optional(),
});

/** Whose account it is, who works in it, and its deals. `ownersPerPage`: at most so many in one answer. */
export function createAccount(options: { owners: SandboxOwner[]; deals: SandboxDeal[]; ownersPerPage: number }) {
  const { owners, ownersPerPage } = options;
  const deals = [...options.deals];
  const now = "2025-01-01T00:00:00.000Z";
  const isOwner = (id: string) => owners.some((owner) => owner.id === id && owner.isActive !== false);
  const shownOwner = ({ isActive = true, ...owner }: SandboxOwner) => ({
    ...owner,
    type: "PERSON",
    userId: Number(owner.id) + 1000,
    createdAt: now,
    updatedAt: now,
    archived: !isActive,
  });
  return {
    details: () => ({
      portalId: PORTAL_ID,
      accountType: "STANDARD",
      timeZone: "US/Eastern",
      companyCurrency: "USD",
      additionalCurrencies: [],
      utcOffset: "-05:00",
      utcOffsetMilliseconds: -18_000_000,
      uiDomain: "app.hubspot.com",
      dataHostingLocation: "na1",
    }),
    hasDeal: (id: string) => deals.some((deal) => deal.id === id),
    isOwner,
    owners({ email, after = "0" }: { email?: string | undefined; after?: string | undefined }) {
      const found = owners.filter((owner) => isOwner(owner.id) && (email === undefined || owner.email === email.toLowerCase()));
      const next = Number(after) + ownersPerPage;
      const paging = next < found.length ? { paging: { next: { after: String(next), link: "" } } } : {};
      return { results: found.slice(Number(after), next).map(shownOwner), ...paging };
    },
    owner(id: string) {
      const owner = owners.find((one) => one.id === id && isOwner(id));
      if (!owner) throw notFound("resource not found");
      return shownOwner(owner);
    },
    readDeals(body: unknown) {
      const { inputs, properties } = parseBody(ReadDeals, body);
      if (inputs.length > 100) throw validationError(`The maximum number of inputs in a batch is 100, found ${inputs.length}`);
      const results = inputs.flatMap(({ id }) => {
        const deal = deals.find((one) => one.id === id);
        if (!deal) return [];
        const values: Record<string, string> = { hs_is_closed: String(deal.isClosed), createdate: deal.createdate };
        const shown = Object.fromEntries(properties.map((name) => [name, values[name] ?? null]));
        return [
          { id, properties: { hs_object_id: id, ...shown }, createdAt: deal.createdate, updatedAt: deal.createdate, archived: false },
        ];
      });
      return { status: "COMPLETE", results, startedAt: now, completedAt: now };
    },
  };
}
