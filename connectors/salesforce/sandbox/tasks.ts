import { type ItemError, itemError, refusal } from "./answers.ts";
import { recordId, type SandboxDeal, type SandboxPerson, type SandboxUser } from "./people.ts";
import { isUnreadable, judgeValue, type TaskField } from "./task-fields.ts";

export type StoredTask = Record<string, unknown> & { Id: string };

/** The org's Tasks, behind sObject Collections (resources_composite_sobjects_collections_upsert). */
export interface Tasks {
  upsert(request: Request, fieldName: string): Promise<Response>;
  /** One Task, whole; 404 when it is not there. */
  read(id: string): Response;
  /** Changes some fields of one Task (resources_sobject_basic_info, "Update"): 204, or 400 with the list of errors. */
  update(id: string, body: Record<string, unknown>): Response;
  /** Several Tasks by their ids, in order; null for one that is not there (resources_composite_sobjects_collections_retrieve). */
  retrieve(ids: string | undefined, fields: string | undefined): Response;
  /** 204, or 404 in Salesforce's words (resources_sobject_basic_info, "Delete"). */
  remove(id: string): Response;
  list(): StoredTask[];
  /** So many records that are written next meet a locked row. */
  lockRows(count: number): void;
  /** The record with this external id breaks a rule of the org, for good. */
  refuse(externalId: string): void;
  /** The record with this external id may not be written by the integration user: a record type, a lock, a validation of who owns it. */
  freeze(externalId: string): void;
}

const MAX_RECORDS = 200;
const LINKS: Record<string, string[]> = { WhoId: ["Contact", "Lead"], WhatId: ["Account", "Opportunity"], OwnerId: ["User"] };

/** `fields` are read each time: a field can be created, and hidden from the integration user. */
export function createTasks(options: {
  fields(): TaskField[];
  people: SandboxPerson[];
  users: readonly SandboxUser[];
  deals: readonly SandboxDeal[];
}): Tasks {
  const { fields, people, users, deals } = options;
  const byNameNow = () => new Map(fields().map((field) => [field.name.toLowerCase(), field]));
  const refused = new Set<string>();
  const frozen = new Set<string>();
  const stored: StoredTask[] = [];
  /** By external id, without regard to case: as Salesforce reads it. */
  const byKey = new Map<string, StoredTask>();
  let locked = 0;
  let nextId = 1;

  function write(record: Record<string, unknown>, key: TaskField): { id: string; created: boolean } | ItemError[] {
    const externalId = record[key.name];
    if (typeof externalId !== "string" || externalId === "") {
      return [itemError("MISSING_ARGUMENT", `${key.name} not specified`, [])];
    }
    if (refused.has(externalId)) return [itemError("FIELD_CUSTOM_VALIDATION_EXCEPTION", "Calls of this kind may not be logged", [])];
    if (frozen.has(externalId)) return [itemError("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id")];
    const before = byKey.get(externalId.toLowerCase());
    const errors = judge(record, before);
    if (errors.length > 0) return errors;
    if (locked > 0) {
      locked -= 1;
      return [itemError("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record or 1 records: 003Pb0000000001")];
    }
    const task = before ?? { Id: recordId("00T", nextId++), Status: "Not Started", Priority: "Normal", TaskSubtype: "Task" };
    if (!before) stored.push(task);
    byKey.set(externalId.toLowerCase(), task);
    put(task, record);
    return { id: task.Id, created: before === undefined };
  }

  function judge(record: Record<string, unknown>, before: StoredTask | undefined): ItemError[] {
    const byName = byNameNow();
    const errors = Object.entries(record).flatMap(([name, value]): ItemError[] => {
      const field = byName.get(name.toLowerCase());
      if (!field) return [itemError("INVALID_FIELD", `No such column '${name}' on sobject of type Task`)];
      const error = judgeValue(field, value, before === undefined) ?? judgeLink(field, value);
      return error ? [error] : [];
    });
    const link = { ...before, ...record };
    if (String(link.WhoId ?? "").startsWith("00Q") && link.WhatId) {
      errors.push(itemError("FIELD_INTEGRITY_EXCEPTION", "Related To ID: can't be set with a lead", ["WhatId"]));
    }
    return errors;
  }

  function put(task: StoredTask, values: Record<string, unknown>): void {
    const byName = byNameNow();
    for (const [name, value] of Object.entries(values)) {
      // An empty text empties the field.
      if (value === "" || value === null) delete task[byName.get(name.toLowerCase())?.name ?? name];
      else task[byName.get(name.toLowerCase())?.name ?? name] = value;
    }
  }

  function judgeLink(field: TaskField, value: unknown): ItemError | undefined {
    const allowed = LINKS[field.name];
    if (!allowed || value === null || value === "") return undefined;
    const those = [
      ...(allowed.includes("User") ? users.filter(({ IsActive }) => IsActive) : []),
      ...(allowed.includes("Opportunity") ? deals : []),
    ];
    const isIt = ({ Id }: { Id: string }) => Id === value || Id.slice(0, 15) === value;
    const lead = people.find((person) => person.kind === "Lead" && person.IsConverted && isIt(person));
    if (lead) return itemError("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead", []);
    const isThere = people.some((person) => allowed.includes(person.kind) && isIt(person)) || those.some(isIt);
    if (!isThere && field.name === "OwnerId") return itemError("INACTIVE_OWNER_OR_USER", "operation performed with inactive user");
    return isThere ? undefined : itemError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", []);
  }

  return {
    async upsert(request, fieldName) {
      const byName = byNameNow();
      const key = byName.get(fieldName.toLowerCase());
      if (!key?.externalId)
        return refusal(404, "NOT_FOUND", `Provided external ID field does not exist or is not accessible: ${fieldName}`);
      const read = await readRecords(request, byName);
      if (read instanceof Response) return read;
      const keyOf = (record: Record<string, unknown>) => String(record[key.name] ?? "").toLowerCase();
      const sameKey = Map.groupBy(read.records, keyOf);
      const results = read.records.map((record) => {
        const done =
          (sameKey.get(keyOf(record)) ?? []).length > 1
            ? [itemError("DUPLICATE_VALUE", `Duplicate external id specified: ${record[key.name]}`, [key.name])]
            : write(record, key);
        return Array.isArray(done) ? { success: false, errors: done } : { id: done.id, success: true, errors: [], created: done.created };
      });
      return Response.json(results);
    },
    read(id) {
      const task = stored.find(({ Id }) => Id === id);
      if (!task) return refusal(404, "NOT_FOUND", "The requested resource does not exist");
      const all = fields().map(({ name }) => [name, task[name] ?? null]);
      return Response.json({ attributes: { type: "Task" }, ...Object.fromEntries(all) });
    },
    update(id, body) {
      const task = stored.find(({ Id }) => Id === id);
      if (!task) return refusal(404, "ENTITY_IS_DELETED", "entity is deleted");
      const [error] = judge(body, task);
      if (error) return Response.json([{ message: error.message, errorCode: error.statusCode, fields: error.fields }], { status: 400 });
      put(task, body);
      return new Response(null, { status: 204 });
    },
    retrieve(ids = "", names = "") {
      const byName = byNameNow();
      const unknown = names.split(",").find((name) => !byName.has(name.toLowerCase()));
      if (unknown !== undefined) return refusal(400, "INVALID_FIELD", `No such column '${unknown}' on sobject of type Task`);
      const read = ids.split(",").map((id) => {
        const task = stored.find(({ Id }) => Id === id);
        return task && { attributes: { type: "Task" }, ...Object.fromEntries(names.split(",").map((name) => [name, task[name] ?? null])) };
      });
      return Response.json(read.map((task) => task ?? null));
    },
    remove(id) {
      const at = stored.findIndex(({ Id }) => Id === id);
      if (at < 0) return refusal(404, "ENTITY_IS_DELETED", "entity is deleted");
      const [gone] = stored.splice(at, 1);
      for (const [externalId, task] of byKey) if (task === gone) byKey.delete(externalId);
      return new Response(null, { status: 204 });
    },
    list: () => stored,
    lockRows(count) {
      locked = count;
    },
    refuse(externalId) {
      refused.add(externalId);
    },
    freeze(externalId) {
      frozen.add(externalId);
    },
  };
}

async function readRecords(request: Request, byName: Map<string, TaskField>): Promise<{ records: Record<string, unknown>[] } | Response> {
  if (!/^application\/json\b/.test(request.headers.get("content-type") ?? "")) {
    return refusal(415, "UNSUPPORTED_MEDIA_TYPE", "Content-Type header is missing or not supported");
  }
  let body: unknown;
  try {
    body = JSON.parse(await request.text());
  } catch {
    return refusal(400, "JSON_PARSER_ERROR", "Unexpected character at [line:1, column:1]");
  }
  const { records, allOrNone, ...unknown } = (body ?? {}) as Record<string, unknown>;
  const [unknownKey] = Object.keys(unknown);
  if (unknownKey !== undefined) return refusal(400, "JSON_PARSER_ERROR", `Unrecognized field "${unknownKey}"`);
  if (!Array.isArray(records)) return refusal(400, "REQUIRED_FIELD_MISSING", "records is required");
  if (allOrNone !== false) return refusal(501, "NOT_IN_SANDBOX", "the sandbox writes records one by one only: allOrNone must be false");
  if (records.length === 0 || records.length > MAX_RECORDS) {
    return refusal(400, "EXCEEDED_ID_LIMIT", `record limit reached. cannot submit more than ${MAX_RECORDS} records into this call`);
  }
  const read: Record<string, unknown>[] = [];
  for (const record of records as Record<string, unknown>[]) {
    const { attributes, ...fields } = record;
    if ((attributes as { type?: unknown } | undefined)?.type !== "Task")
      return refusal(400, "INVALID_TYPE", "Each record must have an attributes type of Task");
    for (const [name, value] of Object.entries(fields)) {
      const field = byName.get(name.toLowerCase());
      if (field && isUnreadable(field, value)) {
        return refusal(400, "JSON_PARSER_ERROR", `Cannot deserialize instance of ${field.type} from value ${JSON.stringify(value)}`);
      }
    }
    read.push(fields);
  }
  return { records: read };
}
