import { createHash } from "node:crypto";
import { callTitle, type Delivery, unixMsOf } from "../../src/connector/index.ts";
import { descriptionOf, plainText } from "./body.ts";
import type { SalesforceWith } from "./mapping.ts";
import type { TaskRelations } from "./task-relations.ts";
import { dayIn } from "./time.ts";

/** A Task as the API takes it: API names and values; a field that is not there is left as it is. */
export type Task = Record<string, unknown>;

/** The call cannot become a Task. The message names the field, not its value. */
export class MappingFault extends Error {
  override readonly name = "MappingFault";
}

/** Lengths from Salesforce's Field Reference (Task). */
const TEXT_LENGTH = 255;
export const DESCRIPTION_LENGTH = 32_000;
/** The longest text that any field of Salesforce holds. */
const MAX_FIELD_LENGTH = 131_072;
const MAX_DURATION_SECONDS = 99_999_999;

const OUR_FIELDS = "Subject Status Priority Type ActivityDate CallType CallDurationInSeconds CallDisposition CallObject Description".split(
  " ",
);
const CALL_TYPES = { inbound: "Inbound", outbound: "Outbound", unknown: undefined };
const DISPOSITIONS: Record<string, string> = { answered: "Answered", voicemail: "Voicemail", failed: "Failed" };

/**
 * `name`: the person's, for the default Subject. `owner`: the user who gets the Task. `missing`: fields that the org does not have.
 * @throws {MappingFault}
 */
export function taskOf(options: {
  delivery: Delivery<SalesforceWith>;
  name: string | undefined;
  relations: TaskRelations;
  owner: string | undefined;
  missing: ReadonlySet<string>;
  externalIdField: string;
  timezone: string;
}): Task {
  const { delivery, name, relations, owner, missing, externalIdField, timezone } = options;
  const { call, previous } = delivery;
  const { title, body, status, fields = {} } = delivery.with;
  const startMs = unixMsOf(call.start_time);
  if (startMs === undefined) throw new MappingFault("start_time is not a time");

  const ours = present({
    Subject: oneLine(title) || oneLine(callTitle(call, { name })),
    Status: status,
    Priority: "Normal",
    Type: "Call",
    // Not updateable (sforce_api_objects_task). After an attempt without an answer this may be an update nevertheless: Salesforce refuses the
    // field then, and it is dropped (`repair.ts`).
    TaskSubtype: previous ? undefined : "Call",
    ActivityDate: dayIn(startMs, timezone),
    CallType: CALL_TYPES[call.direction],
    CallDurationInSeconds: Math.min(MAX_DURATION_SECONDS, Math.round(call.duration_seconds)),
    CallDisposition: dispositionOf(delivery),
    CallObject: oneLine(call.call_id),
    Description: plainText(body ?? "", DESCRIPTION_LENGTH) || descriptionOf(call, { timezone, maxLength: DESCRIPTION_LENGTH }),
    OwnerId: previous?.extra?.owner_id ? undefined : owner,
    ...relations,
  });
  const own = present(
    Object.fromEntries(Object.entries(fields).map(([field, value]) => [spelled(field), plainText(value, MAX_FIELD_LENGTH)])),
  );
  return {
    ...Object.fromEntries(Object.entries(ours).filter(([field]) => !missing.has(field))),
    ...own,
    [externalIdField]: externalIdOf(delivery.key),
  };

  /** As we spell it: field names have no case, and of two in one record Salesforce takes either. */
  function spelled(field: string): string {
    return [externalIdField, ...OUR_FIELDS].find((one) => one.toLowerCase() === field.toLowerCase()) ?? field;
  }
}

/** The org's word for the call_outcome; "" for `none`. */
function dispositionOf({ call, with: { outcome } }: Delivery<SalesforceWith>): string {
  const own = outcome?.[call.call_outcome];
  if (own?.trim().toLowerCase() === "none") return "";
  return oneLine(own) || oneLine(DISPOSITIONS[call.call_outcome] ?? call.call_outcome);
}

/** Some fields can be set only on a new Task, others only on an existing one. */
export function refusedKey(field: string, { previous }: Pick<Delivery<SalesforceWith>, "previous">): string {
  return `${previous ? "update" : "insert"} ${field.toLowerCase()}`;
}

/** Where one Task is, below the version. */
export function pathOf(id: string): string {
  return `/sobjects/Task/${encodeURIComponent(id)}`;
}

/**
 * Keys that Salesforce takes as one that is earlier in the list: it ignores the case of an External ID, and refuses both of two in one request.
 */
export function duplicateExternalIds(keys: readonly string[]): Set<string> {
  const seen = new Set<string>();
  const isFirst = (id: string) => !seen.has(id) && seen.add(id);
  return new Set(keys.filter((key) => !isFirst(externalIdOf(key).toLowerCase())));
}

/** The field takes 255 characters; a longer key is kept by its hash, which is as stable. */
export function externalIdOf(key: string): string {
  return key.length <= TEXT_LENGTH ? key : `sha256:${createHash("sha256").update(key).digest("hex")}`;
}

function oneLine(text: string | undefined): string {
  return plainText((text ?? "").replace(/\s+/g, " ").trim(), TEXT_LENGTH, "…");
}

/** Salesforce empties a field that comes as "" or null. */
function present(task: Task): Task {
  return Object.fromEntries(Object.entries(task).filter(([, value]) => value !== undefined && value !== ""));
}
