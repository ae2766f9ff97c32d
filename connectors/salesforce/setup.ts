import { z } from "zod";
import { OpenError, type OpenOptions, type SetupStep } from "../../src/connector/index.ts";
import { openSession, type Session } from "./client.ts";
import { ACCESS, checkFields, describeTask, openErrorOf, WHERE } from "./describe.ts";
import type { SalesforceSettings } from "./settings.ts";
import { query, quoted } from "./soql.ts";
import { SalesforceError } from "./vendor-error.ts";

const PERMISSION_SET = "Patchbay";

/**
 * Creates the external id field and lets the integration user see it. Meanwhile that user needs Customize Application and Manage Profiles and Permission
 * Sets; without them the error says what an administrator does by hand.
 * @throws {OpenError} and what {@link openSession} throws
 */
export async function setUpSalesforce(options: OpenOptions<SalesforceSettings>): Promise<SetupStep[]> {
  const { settings, timeoutMs } = options;
  const { external_id_field: externalIdField } = settings;
  const session = await openSession({ settings, timeoutMs, signal: AbortSignal.timeout(timeoutMs) });
  // Salesforce takes some seconds to create a field.
  const signal = AbortSignal.timeout(timeoutMs * 4);
  const fields = await describeTask({ session, signal });
  const field = `the field ${externalIdField} of Activity (Text, 255, External ID)`;
  if (fields.has(externalIdField.toLowerCase())) {
    checkFields({ fields, externalIdField });
    return [{ what: field, done: "was there" }];
  }
  const steps: SetupStep[] = [{ what: field, done: await makeField({ session, externalIdField, signal }) }];
  steps.push(...(await letSee({ session, externalIdField, signal })));
  checkFields({ fields: await describeTask({ session, signal }), externalIdField });
  return steps;
}

interface Asking {
  session: Session;
  externalIdField: string;
  signal: AbortSignal;
}

/**
 * Custom fields of Tasks are created on Activity; Task itself is refused ("bad value for restricted picklist field: Task").
 * Tooling API Reference, "CustomField": FullName and Metadata.
 */
async function makeField({ session, externalIdField, signal }: Asking): Promise<SetupStep["done"]> {
  const name = externalIdField.slice(0, -"__c".length);
  const made = await ensure({
    session,
    find: `SELECT Id FROM CustomField WHERE TableEnumOrId = 'Activity' AND DeveloperName = ${quoted(name)}`,
    object: "/tooling/sobjects/CustomField",
    tooling: true,
    body: {
      FullName: `Activity.${externalIdField}`,
      Metadata: {
        label: name.replaceAll("_", " "),
        type: "Text",
        length: 255,
        externalId: true,
        required: false,
        description: "The key by which Patchbay finds the Task of a call again. Do not edit.",
      },
    },
    doing: `make the field ${externalIdField}`,
    fix: `An administrator makes it: ${WHERE} → New → Text, length 255, External ID; then ${ACCESS}. Or give the user Customize Application for the time of setup`,
    signal,
  });
  return made.done;
}

/** A new field can be seen by nobody. Field permissions name the child object, Task, where the field itself is Activity's. */
async function letSee({ session, externalIdField, signal }: Asking): Promise<SetupStep[]> {
  const fix = `An administrator does it: ${WHERE} → ${externalIdField} → Set Field-Level Security; ${ACCESS}. Or give the user Manage Profiles and Permission Sets and Assign Permission Sets for the time of setup`;
  const common = { session, doing: `give access to ${externalIdField}`, fix, signal };
  const set = await ensure({
    ...common,
    find: `SELECT Id FROM PermissionSet WHERE Name = ${quoted(PERMISSION_SET)}`,
    object: "/sobjects/PermissionSet",
    body: { Name: PERMISSION_SET, Label: PERMISSION_SET, Description: "Lets Patchbay keep the key of each call on its Task." },
  });
  const name = `Task.${externalIdField}`;
  const access = await ensure({
    ...common,
    find: `SELECT Id FROM FieldPermissions WHERE ParentId = ${quoted(set.id)} AND Field = ${quoted(name)}`,
    object: "/sobjects/FieldPermissions",
    body: { ParentId: set.id, SobjectType: "Task", Field: name, PermissionsRead: true, PermissionsEdit: true },
  });
  const steps: SetupStep[] = [{ what: `the permission set ${PERMISSION_SET} with Read and Edit access to it`, done: access.done }];
  if (session.userId === undefined) return steps;
  const assigned = await ensure({
    ...common,
    find: `SELECT Id FROM PermissionSetAssignment WHERE PermissionSetId = ${quoted(set.id)} AND AssigneeId = ${quoted(session.userId)}`,
    object: "/sobjects/PermissionSetAssignment",
    body: { AssigneeId: session.userId, PermissionSetId: set.id },
  });
  return [...steps, { what: `its assignment to the integration user`, done: assigned.done }];
}

const row = z.object({ Id: z.string() });
const madeAnswer = z.object({ id: z.string(), success: z.literal(true) });

/** Creates the record unless `find` finds it. @throws {OpenError} with `fix`, when the user may not */
async function ensure(options: {
  session: Session;
  find: string;
  object: string;
  body: unknown;
  tooling?: boolean;
  doing: string;
  fix: string;
  signal: AbortSignal;
}): Promise<{ id: string; done: SetupStep["done"] }> {
  const { session, find, object, body, tooling = false, doing, fix, signal } = options;
  try {
    const [there] = await query({ session, soql: find, row, tooling, signal });
    if (there) return { id: there.Id, done: "was there" };
    const answer = madeAnswer.safeParse(await session.request({ method: "POST", path: object, body }, { signal }));
    if (!answer.success) throw new SalesforceError({ errors: [{ code: "UNREADABLE_ANSWER" }] });
    return { id: answer.data.id, done: "made" };
  } catch (error) {
    const status = error instanceof SalesforceError ? (error.status ?? 0) : 0;
    // 401 is about the session; every other refusal is about what this user may do.
    if (!(error instanceof SalesforceError) || status < 400 || status === 401 || status === 429 || status >= 500)
      throw openErrorOf(error, doing);
    throw new OpenError({ kind: "needs-fix", code: error.code, reason: `the integration user may not ${doing} (${error.code})`, fix });
  }
}
