/** What every CRM connector has in common: the words of its mapping, and who of several people a call belongs to. */
import { z } from "zod";
import { DURATION, parseDurationMs } from "../../lib/time/duration.ts";
import type { SharedCall } from "../../model/call.ts";

const PHONE = /^\+[1-9]\d{6,14}$/;

const onMany = z
  .enum(["most_recent", "owner", "all", "none"])
  .default("most_recent")
  .describe("Several have the number: the one changed last (default), the one that the call's owner owns, all of them, or none");

const nobody = z.enum(["log_unassociated", "create_contact"]);

/** Nobody has the number: logged without a person, with one made for it, or after a wait for somebody to enter one. */
const onNone = z
  .union([
    nobody,
    z.strictObject({
      wait: z
        .string()
        .regex(DURATION, "must be a time such as 30m or 1h")
        .describe("How long to look again, counted from when the call was accepted"),
      // biome-ignore lint/suspicious/noThenProperty: a word of routes.yaml; this object is never awaited.
      then: nobody.describe("What to do when nobody has the number by then"),
    }),
  ])
  .default("log_unassociated")
  .describe(
    "Nobody has the number: log_unassociated (default), create_contact, or { wait: 1h, then: log_unassociated } to look again meanwhile",
  );

const match = z
  .strictObject({
    phone_fields: z
      .array(z.string().regex(/^[A-Za-z]\w*$/, "is not a field's name"))
      .min(1)
      .optional()
      .describe("Fields of a person that hold phone numbers. Default: the CRM's own"),
    never: z
      .array(z.string().regex(PHONE, "must be a phone number such as +18005551234"))
      .optional()
      .describe("Numbers that belong to nobody: a switchboard, a test phone"),
    on_many: onMany,
    on_none: onNone,
  })
  .prefault({})
  .describe("The contact or contacts that the call is logged on");

/**
 * The words of a mapping, the same for every CRM: spread into a connector's `with`. `fieldName` is how that CRM names a property.
 * Nothing in it is ever sent empty: what a CRM has is not blanked.
 */
export function crmWords(options: { fieldName: z.ZodType<string, string> }) {
  return {
    title: z.string().optional().describe("The activity's title. Default: AI call: inbound from Dana Example (Sales line)"),
    body: z.string().optional().describe("Its notes, plain text. Default: summary, outcome, agent, and what else the route shares"),
    fields: z
      .record(options.fieldName, z.string())
      .optional()
      .describe('More fields of the activity: { voice_campaign: "{{ metadata.campaign }}" }. A value that is empty blanks nothing'),
    outcome: z
      .record(z.string(), z.string())
      .optional()
      .describe('The CRM\'s word for each call_outcome, or none: { voicemail: "Left voicemail", failed: none }'),
    owner: z.string().optional().describe("Email address of the activity's owner. Default: the agent's owner under agents:"),
    associate: z
      .array(z.enum(["contact", "company", "open_deal"]))
      .default(["contact"])
      .describe("What the call is logged on: the person, their company, their newest open deal. Default [contact]"),
    match,
  };
}

export type Match = z.output<typeof match>;

/** A person of a CRM who has the customer's number. */
export interface Candidate {
  id: string;
  /** As the CRM names its owner; undefined when it has none. */
  owner?: string | undefined;
  /** Unix ms; 0 when not known. */
  modifiedAtMs: number;
}

/** The people that a call is logged on. `owner` is the call's, as the CRM names it; those of one call are all of one kind. */
export function choosePeople<T extends Candidate>(options: {
  candidates: readonly T[];
  onMany: Match["on_many"];
  owner: string | undefined;
}): T[] {
  const { candidates, onMany, owner } = options;
  if (candidates.length <= 1) return [...candidates];
  const newestFirst = candidates.toSorted((a, b) => b.modifiedAtMs - a.modifiedAtMs || a.id.localeCompare(b.id));
  switch (onMany) {
    case "all":
      return newestFirst;
    case "none":
      return [];
    case "owner":
      return newestFirst.filter((one) => owner !== undefined && one.owner === owner).slice(0, 1);
    case "most_recent":
      return newestFirst.slice(0, 1);
  }
}

/** Looks again this often, or ten times in the wait if that is longer. */
const LOOK_EVERY_MS = 60_000;

/** What to do about a call whose number nobody has: now, or look again in so long. Of which of two numbers a person is to be made, nobody knows. */
export function whenNobody(options: {
  onNone: Match["on_none"];
  sinceAcceptedMs: number;
  /** As many as `customersOf` gives. Default one. */
  numbers?: number;
}): z.output<typeof nobody> | { againInMs: number } {
  const { onNone, sinceAcceptedMs, numbers = 1 } = options;
  const now = (then: z.output<typeof nobody>) => (numbers === 1 ? then : "log_unassociated");
  if (typeof onNone === "string") return now(onNone);
  const waitMs = parseDurationMs(onNone.wait) ?? 0;
  const leftMs = waitMs - sinceAcceptedMs;
  return leftMs <= 0 ? now(onNone.then) : { againInMs: Math.min(leftMs, Math.max(LOOK_EVERY_MS, waitMs / 10)) };
}

/**
 * For a receipt's `extra`: that nobody could tell which side of the call is the customer. `patchbay deliveries --unmatched` says so where nobody,
 * or several people, were found then.
 */
export function sideOf(call: Pick<SharedCall, "direction">): { side?: "unknown" } {
  return call.direction === "unknown" ? { side: "unknown" } : {};
}

/** For a receipt's `extra`: details that the destination refused, and that the record is without: `OwnerId (INACTIVE_OWNER_OR_USER)`. */
export function leftOut(details: readonly { field: string; code: string }[]): { left_out?: string } {
  const texts = new Set(details.map(({ field, code }) => `${field} (${code})`));
  return texts.size === 0 ? {} : { left_out: [...texts].join(", ") };
}
