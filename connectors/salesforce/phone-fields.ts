import { z } from "zod";
import { createExpiringCache } from "../../src/connector.ts";
import { SalesforceError } from "./errors.ts";
import type { Session } from "./session.ts";

export const KINDS = ["Contact", "Lead", "Account"] as const;
export type PersonKind = (typeof KINDS)[number];

/** Which fields of a kind hold the numbers that count; a kind that has none of them is not there. */
export type PhoneFields = Partial<Record<PersonKind, string[]>>;

const DEFAULT: PhoneFields = { Contact: ["Phone", "MobilePhone"], Lead: ["Phone", "MobilePhone"], Account: ["Phone"] };
const KNOWN_FOR_MS = 10 * 60_000;

const describeAnswer = z.object({ fields: z.array(z.object({ name: z.string() })) });

/** The fields that `match.phone_fields` means, where the org has them: a query that names one too many is refused as a whole. */
export function createPhoneFields(options: { session: Session }) {
  const { session } = options;
  const names = createExpiringCache<Map<string, string>>({ maxEntries: KINDS.length });

  async function namesOf(kind: PersonKind, signal: AbortSignal): Promise<Map<string, string>> {
    const known = names.get(kind);
    if (known) return known;
    const answer = describeAnswer.safeParse(await session.request({ method: "GET", path: `/sobjects/${kind}/describe` }, { signal }));
    if (!answer.success) throw new SalesforceError({ errors: [{ code: "UNREADABLE_ANSWER" }] });
    const found = new Map(answer.data.fields.map(({ name }) => [name.toLowerCase(), name]));
    names.set(kind, found, KNOWN_FOR_MS);
    return found;
  }

  /** @throws as {@link Session.request}; {@link SalesforceError} INVALID_FIELD when nobody has any of them */
  return async function phoneFields(wanted: readonly string[] | undefined, signal: AbortSignal): Promise<PhoneFields> {
    if (!wanted) return DEFAULT;
    const fields: PhoneFields = {};
    for (const kind of KINDS) {
      const has = await namesOf(kind, signal);
      const those = [...new Set(wanted.flatMap((name) => has.get(name.toLowerCase()) ?? []))];
      if (those.length > 0) fields[kind] = those;
    }
    if (Object.keys(fields).length === 0) throw new SalesforceError({ errors: [{ code: "INVALID_FIELD", fields: [...wanted] }] });
    return fields;
  };
}
