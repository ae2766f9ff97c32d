import { z } from "zod";
import { notFound, Refusal, validationError } from "./errors.ts";
import { type createProperties, parseBody } from "./properties.ts";

export interface StoredCall {
  id: string;
  properties: Record<string, string | null>;
  createdAt: string;
  updatedAt: string;
}

const Upsert = z.strictObject({
  inputs: z.array(
    z.strictObject({
      id: z.string().min(1),
      idProperty: z.string().optional(),
      objectWriteTraceId: z.string().optional(),
      properties: z.record(z.string(), z.string()),
    }),
  ),
});
const Read = z.strictObject({
  inputs: z.array(z.strictObject({ id: z.string().min(1) })),
  idProperty: z.string().optional(),
  properties: z.array(z.string()),
  propertiesWithHistory: z.array(z.string()),
});
const Update = z.strictObject({ properties: z.record(z.string(), z.string()) });
type Input = z.output<typeof Upsert>["inputs"][number];

/** Calls. `refuses`: keys of calls that are refused for good, whatever they say. */
export function createCalls(options: {
  properties: ReturnType<typeof createProperties>;
  multiStatus: boolean;
  refuses: ReadonlySet<string>;
}) {
  const { properties, multiStatus, refuses } = options;
  const calls = new Map<string, StoredCall>();
  /** By unique property and value: HubSpot has an index too, and a search through all calls would make a long test measure itself. */
  const holders = new Map<string, StoredCall>();
  let nextId = 301;

  const place = (name: string, value: string) => `${name}=${value}`;
  function find(id: string, idProperty: string | undefined): StoredCall | undefined {
    return idProperty === undefined ? calls.get(id) : holders.get(place(idProperty, id));
  }

  function set(call: StoredCall, name: string, value: string | null): void {
    const before = call.properties[name] ?? null;
    call.properties[name] = value;
    if (!properties.isUnique(name)) return;
    if (before !== null) holders.delete(place(name, before));
    if (value !== null) holders.set(place(name, value), call);
  }

  function upsertOne({ id, idProperty, properties: values }: Input): () => { call: StoredCall; isNew: boolean } {
    const existing = find(id, idProperty);
    if (refuses.has(id)) throw validationError("Error creating CALL. This call is refused.");
    properties.check(values);
    if (!existing && !values.hs_timestamp) {
      const context = { properties: ["hs_timestamp"] };
      throw validationError("Error creating CALL. Some required properties were not set.", { context });
    }
    for (const name of properties.uniqueNames()) {
      const holder = values[name] ? find(values[name], name) : undefined;
      if (holder && holder !== existing) throw validationError(`CONFLICTING_UNIQUE_VALUE: another call has this ${name}`);
    }
    return () => {
      const now = new Date().toISOString();
      const call = existing ?? { id: String(nextId++), properties: {}, createdAt: now, updatedAt: now };
      if (!existing && idProperty !== undefined) set(call, idProperty, id);
      // An empty value clears a property.
      for (const [name, value] of Object.entries(values)) set(call, name, value === "" ? null : value);
      call.updatedAt = now;
      calls.set(call.id, call);
      return { call, isNew: !existing };
    };
  }

  return {
    all: () => [...calls.values()],
    has: (id: string) => calls.has(id),
    upsert(body: unknown): { status: number; body: unknown } {
      const { inputs } = parseBody(Upsert, body);
      checkBatch(inputs);
      const idProperty = inputs.find((one) => one.idProperty === undefined || !properties.isUnique(one.idProperty));
      if (idProperty) {
        throw validationError(
          `Unable to perform update/upsert by non-unique 0-48 property ${idProperty.idProperty ?? "hs_object_id"} in portal ID 4242`,
        );
      }
      const perItem =
        (multiStatus || inputs.some(({ id }) => refuses.has(id))) &&
        inputs.every(({ objectWriteTraceId }) => objectWriteTraceId !== undefined);
      const errors: unknown[] = [];
      // All or nothing, unless each input has a trace id and the account answers per item.
      const writes = inputs.flatMap((input) => {
        try {
          return [{ input, write: upsertOne(input) }];
        } catch (error) {
          if (!perItem || !(error instanceof Refusal)) throw error;
          errors.push({ context: { objectWriteTraceId: [input.objectWriteTraceId] }, links: {}, errors: [], ...error.body });
          return [];
        }
      });
      const results = writes.map(({ input, write }) => {
        const { call, isNew } = write();
        const trace = input.objectWriteTraceId === undefined ? {} : { objectWriteTraceId: input.objectWriteTraceId };
        return { ...shown(call), new: isNew, ...trace };
      });
      return {
        status: errors.length > 0 ? 207 : 200,
        body: { ...batchAnswer(results), ...(errors.length > 0 ? { numErrors: errors.length, errors } : {}) },
      };
    },
    read(body: unknown): { status: number; body: unknown } {
      const { inputs, idProperty, properties: wanted } = parseBody(Read, body);
      checkBatch(inputs);
      const found = inputs.flatMap(({ id }) => find(id, idProperty) ?? []);
      const missing = inputs.map(({ id }) => id).filter((id) => !find(id, idProperty));
      const answer = batchAnswer(found.map((call) => shown(call, wanted)));
      if (missing.length === 0) return { status: 200, body: answer };
      const error = {
        ...notFound("Could not get some CALL objects, they may be deleted or not exist.").body,
        context: { ids: missing },
        links: {},
        errors: [],
      };
      return { status: 207, body: { ...answer, numErrors: 1, errors: [error] } };
    },
    get(id: string, options: { idProperty: string | undefined; wanted: string[] }) {
      const call = find(id, options.idProperty);
      if (!call) throw notFound("resource not found");
      return shown(call, options.wanted);
    },
    update(id: string, body: unknown) {
      const call = calls.get(id);
      if (!call) throw notFound("resource not found");
      const { properties: values } = parseBody(Update, body);
      properties.check(values);
      for (const [name, value] of Object.entries(values)) set(call, name, value === "" ? null : value);
      call.updatedAt = new Date().toISOString();
      return shown(call);
    },
    archive(id: string): void {
      for (const name of Object.keys(calls.get(id)?.properties ?? {})) set(calls.get(id) as StoredCall, name, null);
      calls.delete(id);
    },
  };
}

function checkBatch(inputs: { id: string }[]): void {
  if (inputs.length === 0) throw validationError("inputs must not be empty");
  if (inputs.length > 100) throw validationError(`The maximum number of inputs in a batch is 100, found ${inputs.length}`);
  const twice = inputs.find(({ id }, index) => inputs.findIndex((other) => other.id === id) !== index);
  if (twice) throw validationError(`Duplicate IDs found in batch input: [${twice.id}]. IDs must be unique`);
}

function batchAnswer(results: unknown[]) {
  const now = new Date().toISOString();
  return { status: "COMPLETE", results, startedAt: now, completedAt: now };
}

function shown({ id, properties, createdAt, updatedAt }: StoredCall, wanted?: string[]) {
  const chosen = wanted ? Object.fromEntries(wanted.map((name) => [name, properties[name] ?? null])) : properties;
  return { id, properties: { hs_object_id: id, ...chosen }, createdAt, updatedAt, archived: false };
}
