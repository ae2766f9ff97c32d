import type { CountryCode } from "libphonenumber-js";
import type { Sandbox, SandboxOptions } from "../../../src/connector/index.ts";
import { createAccount, SANDBOX_DEALS, SANDBOX_OWNERS, type SandboxDeal, type SandboxOwner } from "./account.ts";
import { type Belongs, createAssociations, KINDS, type Kind } from "./associations.ts";
import type { StoredCall } from "./call-shapes.ts";
import { createCalls } from "./calls.ts";
import { faultOf } from "./http.ts";
import { createLimits } from "./limits.ts";
import type { Requirement } from "./missing.ts";
import { createPeople, nameOf, SANDBOX_CONTACTS, type SandboxContact } from "./people.ts";
import { createProperties } from "./properties.ts";
import { CONTACTS_PATH, createApp } from "./routes.ts";
import { CALL_ID, type PropertyDefinition, standardProperties } from "./standard-properties.ts";

export { SANDBOX_CONTACTS, type SandboxContact } from "./people.ts";
export { CALL_ID, type PropertyDefinition } from "./standard-properties.ts";

/** The one token that the sandbox takes. */
export const SANDBOX_TOKEN = "pat-na1-sandbox-0000-0000";

/** Kinds of accounts: HubSpot itself keeps calls apart by a property with unique values, or refuses those on calls. */
export const accounts = ["unique", "plain"] as const;

export interface HubSpotSandboxOptions extends SandboxOptions {
  /** Default `unique`. */
  account?: string;
  /** Whether `patchbay setup` has been run on the account. Default true. */
  isSetUp?: boolean;
  contacts?: SandboxContact[];
  owners?: SandboxOwner[];
  deals?: SandboxDeal[];
  /** Companies and deals of contacts, by the contact's id. */
  belongs?: Record<string, Belongs>;
  /** Properties of calls beside HubSpot's own. */
  properties?: PropertyDefinition[];
  /** What the account's rules require of a call and of a contact. Default nothing. */
  requiredOfCalls?: Requirement[];
  requiredOfContacts?: Requirement[];
  /** Whether the property of call outcomes lists them, which is not documented. Default true. */
  listsOutcomes?: boolean;
  /** Scopes of the token. Default: all that a call needs. */
  scopes?: string[];
  /** Whether one bad call of a batch is refused alone (207) or with all others (400, the default): HubSpot's specification has both. */
  multiStatus?: boolean;
  /** How long a contact that was made, or deleted, is not seen by a search; 5 to 30 s are reported. Default 5 s. */
  indexLagMs?: number;
  /** Where the account is: how HubSpot reads numbers without a country. Default US. */
  country?: CountryCode;
  /** Sizes of pages, small ones to see several. Default 500 and 100. */
  associationsPerPage?: number;
  ownersPerPage?: number;
}

const SCOPES = [
  "crm.objects.contacts.read",
  "crm.objects.contacts.write",
  "crm.schemas.contacts.write",
  "crm.objects.owners.read",
  "crm.objects.companies.read",
  "crm.objects.companies.write",
  "crm.objects.deals.read",
  "crm.objects.deals.write",
];
/** Dana's. */
const SANDBOX_BELONGS: Record<string, Belongs> = { "201": { primaryCompany: "801", otherCompanies: ["802"], deals: ["901", "902"] } };

/** A strict stand-in of HubSpot's API, as far as a call's trip goes. It answers in the vendor's shapes and keeps everything in memory. */
export function createSandbox(options: HubSpotSandboxOptions = {}): Sandbox {
  const { limits: enforceLimits = true, latencyMs = 0, multiStatus = false, isSetUp = true, indexLagMs = 5_000, country = "US" } = options;
  const { contacts = SANDBOX_CONTACTS, owners = SANDBOX_OWNERS, deals = SANDBOX_DEALS, belongs = SANDBOX_BELONGS } = options;
  const { requiredOfCalls = [], requiredOfContacts = [], associationsPerPage = 500, ownersPerPage = 100, listsOutcomes = true } = options;
  const isPlain = options.account === "plain";
  const scopes = new Set(options.scopes ?? SCOPES);
  const account = createAccount({ owners, deals, ownersPerPage });
  const { isOwner } = account;
  const callId = isSetUp ? [{ ...CALL_ID, hasUniqueValue: !isPlain }] : [];
  const properties = createProperties({
    initial: [...standardProperties(), ...callId, ...(options.properties ?? [])],
    takesUnique: !isPlain,
    listsOutcomes,
    isOwner,
  });
  const people = createPeople({ contacts, indexLagMs, country, isOwner, required: requiredOfContacts });
  const refuses = new Set<string>();
  const calls = createCalls({ properties, multiStatus, refuses, required: requiredOfCalls, missesNewCalls: isPlain });
  const companies = new Set(
    Object.values(belongs).flatMap(({ primaryCompany = "", otherCompanies = [] }) => [primaryCompany, ...otherCompanies]),
  );
  const idOf = (kind: Kind, id: string) => (kind === "contacts" ? people.get(id)?.id : id) ?? id;
  const associations = createAssociations({ has: (kind, id) => has[kind](id), idOf, belongs, pageSize: associationsPerPage });
  const has: Record<Kind | "calls", (id: string) => boolean> = {
    calls: calls.has,
    contacts: (id) => people.get(id) !== undefined,
    companies: (id) => companies.has(id),
    deals: account.hasDeal,
  };
  const limits = enforceLimits ? createLimits() : undefined;

  const app = createApp({ token: SANDBOX_TOKEN, scopes, latencyMs, limits, account, properties, people, calls, companies, associations });

  function lineOf(call: StoredCall): string {
    const names = associations
      .of(call.id, "contacts")
      .flatMap((id) => people.get(id) ?? [])
      .map((contact) => `contact ${nameOf(contact) || contact.id}`);
    const parts = [
      `call ${call.id}`,
      `"${call.properties.hs_call_title}"`,
      names.join(", ") || "no contact",
      call.properties.hs_call_status ?? "",
    ];
    return parts.filter((part) => part !== "").join(" · ");
  }

  function bodyOf(call: StoredCall): Record<string, unknown> {
    const put = KINDS.map((kind) => [kind, associations.of(call.id, kind)] as const);
    return { ...call.properties, ...Object.fromEntries(put.filter(([kind, ids]) => kind === "contacts" || ids.length > 0)) };
  }

  return {
    example: {},
    wrong: { access_token: "pat-na1-wrong-credential" },
    writes: ({ method, path }) => /\/calls\/batch\/(upsert|create|update)$/.test(path) || (method === "POST" && path === CONTACTS_PATH),
    fault: faultOf,
    refuse: (key) => refuses.add(key),
    fetch: (request) => app.fetch(request),
    settings: ({ url }) => ({ base_url: url, access_token: SANDBOX_TOKEN }),
    records: async () =>
      calls.all().map((call) => ({
        key: call.properties.voice_call_id ?? "",
        id: call.id,
        line: lineOf(call),
        body: bodyOf(call),
      })),
  };
}
