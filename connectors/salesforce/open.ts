import { z } from "zod";
import { type OpenDestination, OpenError } from "../../src/connector.ts";
import { SalesforceError } from "./errors.ts";
import { outcomeOfSalesforceError } from "./outcome.ts";
import { createPeople } from "./people.ts";
import { sendTasks } from "./send.ts";
import { openSession, type Session } from "./session.ts";
import type { SalesforceSettings, SalesforceWith } from "./settings.ts";

/** Logs in, and looks whether the external id field is there. @throws {OpenError} */
export async function openSalesforce(options: {
  settings: SalesforceSettings;
  timezone: string;
  timeoutMs: number;
}): Promise<OpenDestination<SalesforceWith>> {
  const { settings, timezone, timeoutMs } = options;
  const externalIdField = settings.external_id_field;
  const signal = AbortSignal.timeout(timeoutMs);
  const session = await openSession({ settings, timeoutMs, signal });
  await checkExternalId({ session, externalIdField, signal });
  const people = createPeople({ session });

  return {
    send: (deliveries, { signal }) => sendTasks({ deliveries, session, people, externalIdField, timezone, signal }),
    /** Into the recycle bin, from where it goes after 15 days (help.salesforce.com, "View, Restore, and Manage the Recycle Bin"). */
    async erase({ receipt }, { signal }) {
      try {
        await session.request({ method: "DELETE", path: `/sobjects/Task/${encodeURIComponent(receipt.id)}` }, { signal });
        return true;
      } catch (error) {
        if (error instanceof SalesforceError && error.status === 404) return false;
        throw error;
      }
    },
    // The token is left to expire: other containers' sessions of this user may be the same one.
    close: async () => undefined,
  };
}

const describeAnswer = z.object({
  fields: z.array(z.object({ name: z.string(), externalId: z.boolean().optional(), createable: z.boolean().optional() })),
});

/** Task's describe lists only what the integration user may see. */
async function checkExternalId(options: { session: Session; externalIdField: string; signal: AbortSignal }): Promise<void> {
  const { session, externalIdField, signal } = options;
  const description = describeAnswer.safeParse(await describeTask(session, signal));
  if (!description.success) {
    throw new OpenError({
      kind: "retry",
      because: "down",
      code: "UNREADABLE_ANSWER",
      reason: "Salesforce's description of Task cannot be read",
    });
  }
  const field = description.data.fields.find(({ name }) => name.toLowerCase() === externalIdField.toLowerCase());
  const where = "Setup → Object Manager → Activity → Fields & Relationships";
  const access = "give the integration user's profile or permission set Read and Edit access to it (field-level security)";
  if (!field) {
    const reason = `Task has no field ${externalIdField}, or the integration user cannot see it`;
    const fix = `Create it: ${where} → New → Text, length 255, External ID; then ${access}`;
    throw new OpenError({ kind: "unauthorized", code: "missing_external_id", reason, fix });
  }
  if (!field.externalId) {
    const fix = `Mark it: ${where} → ${externalIdField} → Edit → External ID`;
    throw new OpenError({ kind: "unauthorized", code: "not_external_id", reason: `${externalIdField} is not an External ID`, fix });
  }
  if (field.createable === false) {
    const reason = `the integration user may not write ${externalIdField}`;
    throw new OpenError({ kind: "unauthorized", code: "read_only_external_id", reason, fix: `At ${where}: ${access}` });
  }
}

async function describeTask(session: Session, signal: AbortSignal): Promise<unknown> {
  try {
    return await session.request({ method: "GET", path: "/sobjects/Task/describe" }, { signal });
  } catch (error) {
    const outcome = outcomeOfSalesforceError(error);
    // Nothing was written: nothing is unclear, and no call is to blame.
    if (outcome.kind === "unauthorized" || outcome.kind === "retry") throw new OpenError(outcome);
    const code = outcome.kind === "ambiguous" || outcome.kind === "rejected" ? outcome.code : "describe_failed";
    throw new OpenError({ kind: "retry", because: "down", code, reason: `Salesforce does not describe Task (${code})` });
  }
}
