import { z } from "zod";
import { OpenError, type Outcome } from "../../src/connector/index.ts";
import type { Session } from "./client.ts";
import { outcomeOfSalesforceError } from "./errors.ts";

/** A Task without these is no logged call, and on nobody's timeline. */
const NEEDED = ["Subject", "Status", "Type", "TaskSubtype", "ActivityDate", "Description", "WhoId", "WhatId", "OwnerId"];
/** Salesforce gives the Call… fields to users of orgs with Call Center only (sforce_api_objects_task); the Comments have the same facts. */
const LEFT_OUT = ["Priority", "CallType", "CallDurationInSeconds", "CallDisposition", "CallObject"];

const describeAnswer = z.object({
  fields: z.array(z.object({ name: z.string(), externalId: z.boolean().optional(), createable: z.boolean().optional() })),
});
type Field = z.output<typeof describeAnswer>["fields"][number];

/** Where an administrator finds the fields that Task and Event have in common. */
export const WHERE = "Setup → Object Manager → Activity → Fields & Relationships";
export const ACCESS = "give the integration user's profile or permission set Read and Edit access to it (field-level security)";

/** Task as the integration user sees it: describe lists only the fields that this user may see. @throws {OpenError} */
export async function describeTask(options: { session: Session; signal: AbortSignal }): Promise<Map<string, Field>> {
  const { session, signal } = options;
  let answer: unknown;
  try {
    answer = await session.request({ method: "GET", path: "/sobjects/Task/describe" }, { signal });
  } catch (error) {
    throw openErrorOf(error, "describe Task");
  }
  const description = describeAnswer.safeParse(answer);
  if (description.success) return new Map(description.data.fields.map((field) => [field.name.toLowerCase(), field]));
  const reason = "Salesforce's description of Task cannot be read";
  throw new OpenError({ kind: "retry", because: "down", code: "UNREADABLE_ANSWER", reason });
}

/** For questions while opening: nothing was written, nothing is unclear, and no call is at fault. */
export function openErrorOf(error: unknown, what: string): OpenError {
  if (error instanceof OpenError) return error;
  const outcome: Outcome = outcomeOfSalesforceError(error);
  if (outcome.kind === "needs-fix" || outcome.kind === "retry") return new OpenError(outcome);
  const code = outcome.kind === "ambiguous" || outcome.kind === "rejected" ? outcome.code : "no_answer";
  return new OpenError({ kind: "retry", because: "down", code, reason: `Salesforce does not ${what} (${code})` });
}

/**
 * Returns the external id's name as the org spells it, and the fields that Tasks must do without.
 * @throws {OpenError} a required field does not exist, or the integration user cannot see or write it
 */
export function checkFields(options: { fields: Map<string, Field>; externalIdField: string }): {
  externalIdField: string;
  missing: Set<string>;
} {
  const { fields, externalIdField } = options;
  const key = fields.get(externalIdField.toLowerCase());
  if (!key) {
    const reason = `Task has no field ${externalIdField}, or the integration user cannot see it`;
    const fix = `Run \`patchbay setup\` for this destination, or create it: ${WHERE} → New → Text, length 255, External ID; then ${ACCESS}`;
    throw new OpenError({ kind: "needs-fix", code: "missing_external_id", reason, fix });
  }
  if (!key.externalId) {
    const fix = `Mark it: ${WHERE} → ${externalIdField} → Edit → External ID`;
    throw new OpenError({ kind: "needs-fix", code: "not_external_id", reason: `${externalIdField} is not an External ID`, fix });
  }
  if (key.createable === false) {
    const reason = `the integration user may not write ${externalIdField}`;
    throw new OpenError({ kind: "needs-fix", code: "read_only_external_id", reason, fix: `At ${WHERE}: ${ACCESS}` });
  }
  const isMissing = (name: string) => fields.get(name.toLowerCase())?.createable !== true;
  const missing = NEEDED.filter(isMissing);
  if (missing.length > 0) {
    const reason = `the integration user cannot see or write these fields of Task: ${missing.join(", ")}`;
    const fix =
      "Setup → Object Manager → Task → Fields & Relationships → each of them → Set Field-Level Security: make it visible, and not read-only, for the integration user's profile or permission set; the user needs Edit Tasks too";
    throw new OpenError({ kind: "needs-fix", code: "hidden_fields", reason, fix });
  }
  return { externalIdField: key.name, missing: new Set(LEFT_OUT.filter(isMissing)) };
}
