import { z } from "zod";
import { DURATION, parseDurationMs } from "../../lib/time/duration.ts";
import { isTimezone, timezoneHint } from "../../lib/time/timezone.ts";
import { SHAREABLE } from "../../model/call.ts";
import { numberProblem } from "../diagnose/phone-numbers.ts";
import { endOfMoveMs } from "./end-of-move.ts";

/** Ids and names become consumer groups and URL paths, so they keep to letters that both take. */
export const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;
const NAME_RULE = "must begin with a small letter or a digit, then a-z, 0-9, dot, dash or underscore, at most 63";
const name = z.string().regex(NAME, NAME_RULE);

const phoneNumber = z.string().superRefine((text, context) => {
  const message = text.includes("${") ? undefined : numberProblem(text);
  if (message !== undefined) context.addIssue({ code: "custom", message });
});

const emailAddress = z.string().refine((text) => text.includes("${") || isEmailAddress(text), "must be an email address");

/** Also of what a variable holds. */
export function isEmailAddress(text: string): boolean {
  return z.email().safeParse(text).success;
}

/** `2026-01-31T09:00:00Z` or with an offset; without one it would mean another moment on each machine. */
const timeWithZone = z.iso.datetime({ offset: true });

const duration = z.string().regex(DURATION, "must be a time such as 90s, 15m, 24h or 14d");

/** What a call waits for is soon there or is not coming; a longer wait would only keep the message from its readers. */
const LONGEST_WAIT_MS = 3_600_000;

const timezone = z.string().superRefine((text, context) => {
  if (isTimezone(text)) return;
  context.addIssue({ code: "custom", message: "must be a time zone such as Europe/Berlin or UTC", params: { hint: timezoneHint(text) } });
});

const untilDay = z.string().superRefine((text, context) => {
  if (endOfMoveMs(text) !== undefined) return;
  const message = /^(yes|on|y)$/i.test(text)
    ? "must be true: yes and on are plain text in YAML 1.2"
    : 'must be true, false, or "until" and a day, such as: until 2027-01-31';
  context.addIssue({ code: "custom", message });
});

export const sourceSchema = z
  .strictObject({
    secrets: z
      .array(z.string())
      .min(1)
      .max(10)
      .optional()
      .describe('The webhook\'s secret; several while it is being changed. Best as variables: "${VOICEINFRA_WEBHOOK_SECRET}"'),
    allow_unsigned: z
      .union([z.boolean(), untilDay])
      .optional()
      .describe(
        "true: takes deliveries without a signature, so that anybody who knows the address can send calls. Beside secrets for a move only, to the end of a day (UTC): until 2027-01-31",
      ),
    test_when: z
      .string()
      .min(1)
      .optional()
      .describe('CEL: which of its calls are tests, such as call_id.startsWith("test_"). Only routes with tests: true send them'),
  })
  .describe("A VoiceInfra workspace; it posts to /webhooks/<name>");

export const agentSchema = z
  .strictObject({
    id: z.string().min(1).describe("agent_id as VoiceInfra sends it"),
    name: z.string().optional().describe("What people call it: agent_name in templates"),
    direction: z.enum(["inbound", "outbound"]).optional().describe("Used where neither the record nor own_numbers tells"),
    owner: emailAddress.optional().describe("Email address of the person whose calls these are: agent_owner"),
  })
  .describe("An agent; its key is what `agent` means in `when` and in templates");

/** The connector's own keys are checked against its `settings`. */
export const destinationSchema = z
  .looseObject({ connector: z.string().describe("Which connector: hubspot, salesforce, slack, warehouse, or another of docs/connectors") })
  .describe("A place that calls go to");

export const routeSchema = z
  .strictObject({
    id: name.describe("Stable name of the route; also its consumer group (patchbay.<id>). A new id is a new route with nothing behind it"),
    to: z.string().describe("Name of a destination"),
    sources: z
      .union([z.literal("all"), z.array(z.string()).min(1)])
      .optional()
      .describe('Names of sources, or "all". Needed when the file has more than one source'),
    when: z.string().min(1).optional().describe("CEL: which calls. Absent means every call"),
    share: z.array(z.enum(SHAREABLE)).optional().describe("What may leave the house. Default [numbers, summary]"),
    after: z
      .strictObject({
        route: z.string().describe("Id of another route of this file, whose receipt is waited for"),
        wait: duration
          .refine((text) => (parseDurationMs(text) ?? 0) <= LONGEST_WAIT_MS, "must be at most 1h")
          .describe("At most so long after the call was accepted, such as 60s; then it goes without"),
      })
      .optional()
      .describe(
        "Waits until another route has delivered the call, so that person and record_url are known: { route: log-in-hubspot, wait: 60s }",
      ),
    with: z.record(z.string(), z.unknown()).optional().describe("What the connector makes of a call; any text may be a Liquid template"),
    record: name.optional().describe("Makes a second record of a call at a destination that keeps one per call: a suffix of its key"),
    start: z
      .union([z.literal("now"), z.literal("beginning"), timeWithZone])
      .optional()
      .describe("Where a new route begins: now (default), beginning, or a time with its zone"),
    max_age: duration
      .optional()
      .describe("How long a delivery that fails by itself is tried before it becomes a dead letter. Default 24h; outages do not count"),
    was: name
      .optional()
      .describe("Earlier id of this route: it goes on where that one stood, with its waiting deliveries and dead letters"),
    tests: z.boolean().optional().describe("true: takes test calls too (test_when of the source). Default false"),
    enabled: z.boolean().optional().describe("false: paused, nothing is read and nothing is lost. Default true"),
    description: z.string().optional().describe("For people"),
  })
  .describe("Which calls go to one destination, and how");

export const fileSchema = z.strictObject({
  version: z.literal(1).describe("Version of this file's form: 1"),
  sources: z.record(name, sourceSchema).describe("Where calls come from"),
  timezone: timezone.optional().describe("For dates and times that people read. Default UTC"),
  retention: z
    .strictObject({
      log: duration.optional().describe("How long the log keeps calls. Default 14d"),
      quarantine: duration.optional().describe("How long refused records are kept. Default 30d"),
      dead_letters: duration.optional().describe("How long a dead letter keeps its record and can be replayed. Default 30d"),
      deliveries: duration
        .optional()
        .describe("How long the ledger remembers what became of a call. Default 400d, at least as long as the log"),
    })
    .optional()
    .describe("How long things are kept"),
  own_numbers: z.array(phoneNumber).optional().describe("Your numbers: they tell inbound from outbound, and which side is the customer"),
  agents: z.record(name, agentSchema).optional().describe("Your agents"),
  connectors: z
    .array(z.string().min(1))
    .optional()
    .describe('Connectors from outside: modules beside this file, or packages, such as [./my-connector.ts, "@acme/patchbay-zendesk"]'),
  destinations: z.record(name, destinationSchema).describe("Where calls go to"),
  routes: z.array(routeSchema).describe("Which calls go where, in order"),
});

export type RoutesFile = z.output<typeof fileSchema>;
export type RouteEntry = z.output<typeof routeSchema>;

/** Fields that are planned and that this version does not have: the answer is "not yet", not "did you mean". */
export const NOT_YET = new Set(["cases"]);
