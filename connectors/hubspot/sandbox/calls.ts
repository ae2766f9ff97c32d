import {
  batchAnswer,
  Change,
  Create,
  checkBatch,
  type Input,
  Read,
  type StoredCall,
  shown,
  Update,
  Upsert,
  valuesOf,
} from "./call-shapes.ts";
import { notFound, Refusal, validationError } from "./errors.ts";
import { createMissing, type Requirement } from "./missing.ts";
import { type createProperties, parseBody } from "./properties.ts";
import { runSearch } from "./search.ts";

type Write = () => { call: StoredCall; isNew: boolean };

/**
 * Calls. `refuses`: keys of calls that are refused for good, whatever they say. `missesNewCalls`: the first search that would find a call which was
 * made does not show it yet, however late it comes, as one does that comes within the seconds that the index lags behind.
 */
export function createCalls(options: {
  properties: ReturnType<typeof createProperties>;
  multiStatus: boolean;
  refuses: ReadonlySet<string>;
  required: Requirement[];
  missesNewCalls: boolean;
}) {
  const { properties, multiStatus, refuses, missesNewCalls } = options;
  const missing = createMissing(options.required);
  const calls = new Map<string, StoredCall>();
  /** By unique property and value: HubSpot has an index too, and a search through all calls would make a long test measure itself. */
  const holders = new Map<string, StoredCall>();
  const unseen = new Set<string>();
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

  /** @throws {Refusal} what is wrong with the values, or lacking. */
  function check(existing: StoredCall | undefined, values: Record<string, string>): void {
    if ([values.voice_call_id, existing?.properties.voice_call_id].some((key) => refuses.has(key ?? "")))
      throw validationError("Error creating CALL. This call is refused.");
    properties.check(values);
    if (!existing && !values.hs_timestamp) {
      const context = { properties: ["hs_timestamp"] };
      throw validationError("Error creating CALL. Some required properties were not set.", { context });
    }
    const lacking = missing({ ...existing?.properties, ...values });
    if (lacking) throw lacking;
    for (const name of properties.uniqueNames()) {
      const holder = values[name] ? find(values[name], name) : undefined;
      if (holder && holder !== existing) throw validationError(`CONFLICTING_UNIQUE_VALUE: another call has this ${name}`);
    }
  }

  function write(existing: StoredCall | undefined, values: Record<string, string>): ReturnType<Write> {
    const now = new Date().toISOString();
    const call = existing ?? { id: String(nextId++), properties: {}, createdAt: now, updatedAt: now };
    // An empty value clears a property.
    for (const [name, value] of Object.entries(values)) set(call, name, value === "" ? null : value);
    call.updatedAt = now;
    calls.set(call.id, call);
    if (!existing && missesNewCalls) unseen.add(call.id);
    return { call, isNew: !existing };
  }

  /** All or nothing, unless each input has a trace id and the account answers per item. */
  function writeAll(inputs: Input[], one: (input: Input) => Write): { status: number; body: unknown } {
    const isRefused = ({ id = "", properties }: Input) => refuses.has(properties.voice_call_id ?? id);
    const perItem = (multiStatus || inputs.some(isRefused)) && inputs.every(({ objectWriteTraceId }) => objectWriteTraceId !== undefined);
    const errors: unknown[] = [];
    const writes = inputs.flatMap((input) => {
      try {
        return [{ input, write: one(input) }];
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
    const problems = errors.length > 0 ? { numErrors: errors.length, errors } : {};
    return { status: errors.length > 0 ? 207 : 200, body: { ...batchAnswer(results), ...problems } };
  }

  return {
    all: () => [...calls.values()],
    has: (id: string) => calls.has(id),
    upsert(body: unknown) {
      const { inputs } = parseBody(Upsert, body);
      checkBatch(inputs);
      const wrong = inputs.find((one) => one.idProperty === undefined || !properties.isUnique(one.idProperty));
      if (wrong) {
        const name = wrong.idProperty ?? "hs_object_id";
        throw validationError(`Unable to perform update/upsert by non-unique 0-48 property ${name} in portal ID 4242`);
      }
      return writeAll(inputs, ({ id = "", idProperty = "", properties: values }) => {
        const existing = find(id, idProperty);
        check(existing, { ...values, [idProperty]: id });
        return () => write(existing, { ...values, [idProperty]: id });
      });
    },
    create(body: unknown) {
      const { inputs } = parseBody(Create, body);
      checkBatch(inputs);
      const { status, body: answer } = writeAll(inputs, ({ properties: values }) => {
        check(undefined, values);
        return () => write(undefined, values);
      });
      return { status: status === 200 ? 201 : status, body: answer };
    },
    change(body: unknown) {
      const { inputs } = parseBody(Change, body);
      checkBatch(inputs);
      return writeAll(inputs, ({ id = "", properties: values }) => {
        const existing = calls.get(id);
        if (!existing) throw notFound("resource not found");
        check(existing, values);
        return () => write(existing, values);
      });
    },
    read(body: unknown): { status: number; body: unknown } {
      const { inputs, idProperty, properties: wanted } = parseBody(Read, body);
      checkBatch(inputs);
      const found = inputs.flatMap(({ id }) => find(id, idProperty) ?? []);
      const missing = inputs.map(({ id }) => id).filter((id) => !find(id, idProperty));
      const answer = batchAnswer(found.map((call) => shown(call, wanted)));
      if (missing.length === 0) return { status: 200, body: answer };
      const { body: problem } = notFound("Could not get some CALL objects, they may be deleted or not exist.");
      return { status: 207, body: { ...answer, numErrors: 1, errors: [{ ...problem, context: { ids: missing }, links: {}, errors: [] }] } };
    },
    search(text: string, body: unknown) {
      const missed = new Set<string>();
      const answer = runSearch({
        text,
        body,
        names: new Set([...properties.names(), "hs_createdate", "hs_lastmodifieddate", "hs_object_id"]),
        records: [...calls.values()],
        valuesOf(call) {
          if (!unseen.has(call.id)) return valuesOf(call);
          missed.add(call.id);
          return {};
        },
        shown,
      });
      for (const id of missed) unseen.delete(id);
      return answer;
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
      check(call, values);
      return shown(write(call, values).call);
    },
    archive(id: string): void {
      for (const name of Object.keys(calls.get(id)?.properties ?? {})) set(calls.get(id) as StoredCall, name, null);
      calls.delete(id);
    },
  };
}
