import { createHash } from "node:crypto";
import { type Delivery, unixMsOf } from "../../src/connector.ts";
import { descriptionOf, plainText } from "./description.ts";
import type { Person } from "./people.ts";
import type { SalesforceWith } from "./settings.ts";
import { dayIn } from "./time.ts";

/** A Task as the API takes it: API names and values; a field that is not there is left as it is. */
export type Task = Record<string, unknown>;

/** A call that no Task can be made of. The message names the field, not its value. */
export class MappingFault extends Error {
  override readonly name = "MappingFault";
}

/** Lengths from Salesforce's Field Reference (Task). */
const TEXT_LENGTH = 255;
export const DESCRIPTION_LENGTH = 32_000;
/** The longest text that any field of Salesforce holds. */
const MAX_FIELD_LENGTH = 131_072;
const MAX_DURATION_SECONDS = 99_999_999;

const CALL_TYPES = { inbound: "Inbound", outbound: "Outbound", unknown: undefined };
const DISPOSITIONS: Record<string, string> = { answered: "Answered", voicemail: "Voicemail", failed: "Failed" };

/** @throws {MappingFault} */
export function taskOf(options: {
  delivery: Delivery<SalesforceWith>;
  person: Person | undefined;
  externalIdField: string;
  timezone: string;
}): Task {
  const { delivery, person, externalIdField, timezone } = options;
  const { call, previous } = delivery;
  const { subject, description, status, fields = {} } = delivery.with;
  const startMs = unixMsOf(call.start_time);
  if (startMs === undefined) throw new MappingFault("start_time is not a time");

  return present({
    Subject: oneLine(subject) || oneLine(subjectOf(delivery, person)),
    Status: status,
    Priority: "Normal",
    Type: "Call",
    // A Task gets its subtype when it is made; Salesforce does not document whether an update may name it. After an attempt whose end is not
    // known this may be an update all the same: should Salesforce refuse it then, it is left out (`repair.ts`).
    TaskSubtype: previous ? undefined : "Call",
    ActivityDate: dayIn(startMs, timezone),
    CallType: CALL_TYPES[call.direction],
    CallDurationInSeconds: Math.min(MAX_DURATION_SECONDS, Math.round(call.duration_seconds)),
    CallDisposition: oneLine(DISPOSITIONS[call.call_outcome] ?? call.call_outcome),
    CallObject: oneLine(call.call_id),
    Description: plainText(description ?? "", DESCRIPTION_LENGTH) || descriptionOf(call, { timezone, maxLength: DESCRIPTION_LENGTH }),
    ...(previous?.extra?.who_id || previous?.extra?.what_id ? {} : linkTo(person)),
    ...present(Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, plainText(value, MAX_FIELD_LENGTH)]))),
    [externalIdField]: externalIdOf(delivery.key),
  });
}

/** An Account is not a person: it goes where things go. */
function linkTo(person: Person | undefined): Task {
  if (!person) return {};
  return person.kind === "Account" ? { WhatId: person.id } : { WhoId: person.id };
}

/** `AI call: inbound from Dana Example (Sales line)` */
function subjectOf({ call }: Delivery<SalesforceWith>, person: Person | undefined): string {
  const written = call.direction === "outbound" ? call.to_number : call.from_number;
  const who = person?.name || call.customer_number || (written === undefined ? "" : "unknown number");
  const direction = call.direction === "unknown" ? "" : call.direction;
  const preposition = { inbound: "from", outbound: "to", unknown: "with" }[call.direction];
  const agent = call.agent_name === "" ? "" : `(${call.agent_name})`;
  const words = [direction, who && `${preposition} ${who}`, agent].filter((word) => word !== "");
  return words.length === 0 ? "AI call" : `AI call: ${words.join(" ")}`;
}

/** The field takes 255 characters; a longer key is kept by its hash, which is as stable. */
function externalIdOf(key: string): string {
  return key.length <= TEXT_LENGTH ? key : `sha256:${createHash("sha256").update(key).digest("hex")}`;
}

function oneLine(text: string | undefined): string {
  return plainText((text ?? "").replace(/\s+/g, " ").trim(), TEXT_LENGTH, "…");
}

/** Salesforce empties a field that comes as "" or null. */
function present(task: Task): Task {
  return Object.fromEntries(Object.entries(task).filter(([, value]) => value !== undefined && value !== ""));
}
