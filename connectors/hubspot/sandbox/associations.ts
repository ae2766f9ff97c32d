import { z } from "zod";
import { notFound, validationError } from "./errors.ts";
import { parseBody } from "./properties.ts";

export const KINDS = ["contacts", "companies", "deals"] as const;
export type Kind = (typeof KINDS)[number];

/** HubSpot's own types of associations (CRM associations guide). */
const CALL_TO: Record<Kind, number> = { contacts: 194, companies: 182, deals: 206 };
const CONTACT_TO = { companies: { primary: 1, other: 279 }, deals: { primary: 4, other: 4 } };

const End = z.strictObject({ id: z.string().min(1) });
const Associate = z.strictObject({ inputs: z.array(z.strictObject({ from: End, to: End })) });
const Read = z.strictObject({ inputs: z.array(z.strictObject({ id: z.string().min(1), after: z.string().optional() })) });
const Archive = z.strictObject({ inputs: z.array(z.strictObject({ from: End, to: z.array(End) })) });

/** What a contact belongs to: its primary company, other companies, its deals. */
export interface Belongs {
  primaryCompany?: string;
  otherCompanies?: string[];
  deals?: string[];
}

/**
 * What calls and contacts are associated with. `pageSize`: how many of one record's associations an answer has; the rest comes by `after`.
 */
export function createAssociations(options: {
  has(kind: Kind | "calls", id: string): boolean;
  /** The id of the record that an id stands for: a contact that was merged into another one has that one's. */
  idOf(kind: Kind, id: string): string;
  belongs: Record<string, Belongs>;
  pageSize: number;
}) {
  const { has, idOf, belongs, pageSize } = options;
  const ofCall = new Map<string, Record<Kind, Set<string>>>();

  const forCall = (id: string) => {
    const sets = ofCall.get(id) ?? { contacts: new Set<string>(), companies: new Set<string>(), deals: new Set<string>() };
    ofCall.set(id, sets);
    return sets;
  };
  function checked(callId: string, kind: Kind, id: string): Set<string> {
    if (!has("calls", callId) || !has(kind, id)) throw notFound("resource not found");
    return forCall(callId)[kind];
  }

  /** As HubSpot has it since January 2025: 100 at once, and a record without any is an error of its own. */
  function readPages(
    from: "calls" | "contacts",
    kind: Kind,
    body: unknown,
    linksOf: (id: string) => Link[],
  ): { status: number; body: unknown } {
    const { inputs } = parseBody(Read, body);
    if (inputs.length > 100) throw validationError(`The maximum number of inputs in a batch is 100, found ${inputs.length}`);
    const linked = inputs.map(({ id, after = "0" }) => ({ id, to: linksOf(id), at: Number(after) }));
    const errors = linked
      .filter(({ to }) => to.length === 0)
      .map(({ id }) => {
        const { body } = notFound(`No ${kind} is associated with ${from} ${id}.`);
        return entry({ ...body, subCategory: "crm.associations.NO_ASSOCIATIONS_FOUND" }, { fromObjectId: [id] });
      });
    const results = linked
      .filter(({ to }) => to.length > 0)
      .map(({ id, to, at }) => {
        const next = at + pageSize;
        const paging = next < to.length ? { paging: { next: { after: String(next), link: "" } } } : {};
        return { from: { id }, to: to.slice(at, next), ...paging };
      });
    return batchAnswer(results, errors);
  }

  return {
    of: (callId: string, kind: Kind) => [...forCall(callId)[kind]],
    associate(kind: Kind, body: unknown): { status: number; body: unknown } {
      const { inputs } = parseBody(Associate, body);
      if (inputs.length === 0) throw validationError("inputs must not be empty");
      if (inputs.length > 2_000) throw validationError(`The maximum number of inputs in a batch is 2000, found ${inputs.length}`);
      const isGood = ({ from, to }: (typeof inputs)[number]) => has("calls", from.id) && has(kind, to.id);
      const good = inputs.filter(isGood);
      for (const { from, to } of good) forCall(from.id)[kind].add(idOf(kind, to.id));
      const associationSpec = { associationCategory: "HUBSPOT_DEFINED", associationTypeId: CALL_TO[kind] };
      const results = good.map(({ from, to }) => ({ from, to, associationSpec }));
      const errors = inputs
        .filter((one) => !isGood(one))
        .map(({ from, to }) => entry(notFound("One of the objects does not exist").body, { fromObjectId: [from.id], toObjectId: [to.id] }));
      return batchAnswer(results, errors);
    },
    readOfContacts: (kind: "companies" | "deals", body: unknown) =>
      readPages("contacts", kind, body, (id) => belongings(kind, belongs[id] ?? {}).filter(({ toObjectId }) => has(kind, toObjectId))),
    readOfCalls: (kind: Kind, body: unknown) =>
      readPages("calls", kind, body, (id) =>
        [...forCall(id)[kind]]
          .filter((to) => has(kind, to))
          .map((toObjectId) => ({ toObjectId, associationTypes: [type(CALL_TO[kind], null)] })),
      ),
    /** All associations between the pairs; whether there are any is all the same. */
    archive(kind: Kind, body: unknown): void {
      const { inputs } = parseBody(Archive, body);
      if (inputs.length > 100) throw validationError(`The maximum number of inputs in a batch is 100, found ${inputs.length}`);
      for (const { from, to } of inputs) for (const { id } of to) forCall(from.id)[kind].delete(id);
    },
    add: (callId: string, kind: Kind, id: string) => void checked(callId, kind, id).add(id),
    remove: (callId: string, kind: Kind, id: string) => void checked(callId, kind, id).delete(id),
    forget: (callId: string) => void ofCall.delete(callId),
  };
}

interface Link {
  toObjectId: string;
  associationTypes: ReturnType<typeof type>[];
}

const type = (typeId: number, label: string | null) => ({ category: "HUBSPOT_DEFINED", typeId, label });

function belongings(kind: "companies" | "deals", { primaryCompany, otherCompanies = [], deals = [] }: Belongs): Link[] {
  const plain = (toObjectId: string) => ({ toObjectId, associationTypes: [type(CONTACT_TO[kind].other, null)] });
  if (kind === "deals") return deals.map(plain);
  const primary =
    primaryCompany === undefined
      ? []
      : [{ toObjectId: primaryCompany, associationTypes: [type(CONTACT_TO.companies.primary, "Primary"), type(279, null)] }];
  return [...otherCompanies.map(plain), ...primary];
}

function entry(body: Record<string, unknown>, context: Record<string, string[]>) {
  return { ...body, context, links: {}, errors: [] };
}

function batchAnswer(results: unknown[], errors: unknown[]): { status: number; body: unknown } {
  const now = new Date().toISOString();
  const answer = { status: "COMPLETE", results, startedAt: now, completedAt: now };
  return errors.length === 0 ? { status: 200, body: answer } : { status: 207, body: { ...answer, numErrors: errors.length, errors } };
}
