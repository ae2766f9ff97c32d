import { z } from "zod";
import { createCache } from "../../../src/connector/index.ts";
import type { Session } from "../client.ts";
import { SalesforceError } from "../vendor-error.ts";

export const KINDS = ["Contact", "Lead", "Account"] as const;
export type PersonKind = (typeof KINDS)[number];

/** Of one kind of person. */
export interface KindsFields {
  /** Of the type Phone: what SOSL searches in PHONE FIELDS. */
  phones: string[];
  /** Texts that hold numbers: a search by phone ignores them, a query does not. */
  texts: string[];
}

/** The fields of each kind that hold the numbers that count; a kind without any is absent. */
export type PhoneFields = Partial<Record<PersonKind, KindsFields>>;

const phones = (...names: string[]): KindsFields => ({ phones: names, texts: [] });
const DEFAULT: PhoneFields = { Contact: phones("Phone", "MobilePhone"), Lead: phones("Phone", "MobilePhone"), Account: phones("Phone") };
const KNOWN_FOR_MS = 10 * 60_000;
/** Types of fields that a query can compare with a pattern. */
const TEXTS = new Set(["string", "picklist", "combobox", "email", "url"]);

const describeAnswer = z.object({
  fields: z.array(z.object({ name: z.string(), type: z.string().default("phone"), filterable: z.boolean().default(true) })),
});
type Field = z.output<typeof describeAnswer>["fields"][number];

/** The fields of `match.phone_fields` that the org has: a query that names another one is refused as a whole. */
export function createPhoneFields(options: { session: Session }) {
  const { session } = options;
  const cache = createCache<Map<string, Field>>({ maxEntries: KINDS.length, ttlMs: KNOWN_FOR_MS });

  async function readFields(kind: PersonKind, signal: AbortSignal): Promise<Map<string, Field>> {
    const answer = describeAnswer.safeParse(await session.request({ method: "GET", path: `/sobjects/${kind}/describe` }, { signal }));
    if (!answer.success) throw new SalesforceError({ errors: [{ code: "UNREADABLE_ANSWER" }] });
    return new Map(answer.data.fields.map((field) => [field.name.toLowerCase(), field]));
  }

  /** @throws as {@link Session.request}; {@link SalesforceError} INVALID_FIELD, naming those that nobody has or that hold no text */
  return async function phoneFields(wanted: readonly string[] | undefined, signal: AbortSignal): Promise<PhoneFields> {
    if (!wanted) return DEFAULT;
    const fields: PhoneFields = {};
    const nowhere = new Set(wanted.map((name) => name.toLowerCase()));
    for (const kind of KINDS) {
      const has = await cache.fetch(kind, () => readFields(kind, signal));
      const named = new Set(wanted.flatMap((name) => has.get(name.toLowerCase()) ?? []));
      const phones = [...named].filter(({ type }) => type === "phone").map(({ name }) => name);
      const texts = [...named].filter(({ type, filterable }) => TEXTS.has(type) && filterable).map(({ name }) => name);
      for (const name of [...phones, ...texts]) nowhere.delete(name.toLowerCase());
      if (phones.length + texts.length > 0) fields[kind] = { phones, texts };
    }
    if (nowhere.size === 0) return fields;
    // A typing error would find nobody, for ever, without a word.
    throw new SalesforceError({ errors: [{ code: "INVALID_FIELD", fields: wanted.filter((name) => nowhere.has(name.toLowerCase())) }] });
  };
}
