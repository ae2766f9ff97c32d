import { type ItemError, itemError, refusal } from "./answers.ts";
import { recordId, type SandboxPerson, type SandboxUser } from "./people.ts";
import { FIELDS } from "./search.ts";

const MAX_RECORDS = 200;
const WRITABLE = ["LastName", "FirstName", "Phone", "MobilePhone", "HomePhone", "Fax", "AccountId", "OwnerId"];

/** Creates Contacts in one request (resources_composite_sobjects_collections_create). `rule`: what the org's own rules say to each. */
export function createContacts(options: {
  body: unknown;
  people: SandboxPerson[];
  users: readonly SandboxUser[];
  rule: ItemError | undefined;
}): Response {
  const { people, users, rule } = options;
  const { records, allOrNone } = (options.body ?? {}) as { records?: unknown; allOrNone?: unknown };
  if (!Array.isArray(records)) return refusal(400, "REQUIRED_FIELD_MISSING", "records is required");
  if (allOrNone !== false) return refusal(501, "NOT_IN_SANDBOX", "the sandbox writes records one by one only: allOrNone must be false");
  if (records.length === 0 || records.length > MAX_RECORDS) {
    return refusal(400, "EXCEEDED_ID_LIMIT", `record limit reached. cannot submit more than ${MAX_RECORDS} records into this call`);
  }
  return Response.json(records.map((record) => create(record as Record<string, unknown>)));

  function create({ attributes, ...fields }: Record<string, unknown>) {
    const error = judge(attributes, fields);
    if (error) return { success: false, errors: [error] };
    const serial = people.filter(({ kind }) => kind === "Contact").length + 100;
    const id = recordId("003", serial);
    const { LastName, ...rest } = fields;
    people.push({ kind: "Contact", Id: id, Name: String(LastName), LastModifiedDate: "2025-01-20T09:00:00.000+0000", ...rest });
    return { id, success: true, errors: [] };
  }

  function judge(attributes: unknown, fields: Record<string, unknown>): ItemError | undefined {
    if ((attributes as { type?: unknown } | undefined)?.type !== "Contact") return itemError("INVALID_TYPE", "type must be Contact");
    const unknown = Object.keys(fields).find((name) => !WRITABLE.includes(name));
    if (unknown) return itemError("INVALID_FIELD", `No such column '${unknown}' on sobject of type Contact`);
    if (!fields.LastName) return itemError("REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]", ["LastName"]);
    if (String(fields.Phone ?? "").length > 40) return itemError("STRING_TOO_LONG", "Phone: data value too large", ["Phone"]);
    const owner = fields.OwnerId;
    if (owner !== undefined && !users.some(({ Id, IsActive }) => IsActive && Id === owner)) {
      return itemError("INACTIVE_OWNER_OR_USER", "operation performed with inactive user [005Pb0000000001] as owner of contact", [
        "OwnerId",
      ]);
    }
    return rule;
  }
}

/** One record by its id, with some of its fields. */
export function readPerson(options: { kind: string; id: string; fields: string | undefined; people: SandboxPerson[] }): Response {
  const { kind, id, people } = options;
  const columns = FIELDS[kind as SandboxPerson["kind"]];
  if (!columns) return refusal(404, "NOT_FOUND", "The requested resource does not exist");
  const fields = options.fields?.split(",") ?? columns;
  const unknown = fields.find((field) => !columns.includes(field));
  if (unknown) return refusal(400, "INVALID_FIELD", `No such column '${unknown}' on sobject of type ${kind}`);
  const person = people.find((one) => one.kind === kind && (one.Id === id || one.Id.slice(0, 15) === id));
  if (!person) return refusal(404, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: ");
  return Response.json({
    attributes: { type: kind },
    ...Object.fromEntries(fields.map((field) => [field, person[field as keyof SandboxPerson] ?? null])),
  });
}
