import { type Cache, chunk, createCache, type Outcome } from "../../../src/connector/index.ts";
import type { WrittenBatch } from "../answers.ts";
import { CALL_ID_PROPERTY } from "../call-id.ts";
import { type HubSpotApi, SEARCH_LAG_MS } from "../client.ts";
import type { Dispositions } from "../dispositions.ts";
import { mayHaveArrived, outcomeOfHubSpotError, outcomeOfReadError } from "../errors.ts";
import { createCalls, MAX_BATCH, MAX_FOUND_PER_PAGE, readRecords, searchRecords, updateCalls } from "../requests.ts";
import { type CallToWrite, type WriteCalls, type Written, writeInBatches } from "./write-in-batches.ts";

/** As long as a call may come again without a receipt, after an attempt without an answer. */
const REMEMBER_MS = 24 * 3_600_000;
const MAX_REMEMBERED = 50_000;
const MAX_ACCOUNTS = 50;

/** What this process knows of calls before HubSpot's search shows them, by their keys. */
interface Memory {
  idOf: Cache<string>;
  /** Since when a call may exist that no answer has named. It outlives the attempt. */
  doubts: Cache<Doubt>;
}

/** A moment, by this process' clock and by the call's age, which also counts while the process is stopped. */
interface Doubt {
  atMs: number;
  sinceAcceptedMs: number;
}

/** By account: a destination that is opened again, after a refused token for example, must remember what it created. */
const memories = createCache<Memory>({ maxEntries: MAX_ACCOUNTS, ttlMs: REMEMBER_MS });

function memoryOf(account: string | undefined): Memory {
  const known = account === undefined ? undefined : memories.get(account);
  const memory = known ?? {
    idOf: createCache<string>({ maxEntries: MAX_REMEMBERED, ttlMs: REMEMBER_MS }),
    doubts: createCache<Doubt>({ maxEntries: MAX_REMEMBERED, ttlMs: REMEMBER_MS }),
  };
  if (account !== undefined) memories.set(account, memory);
  return memory;
}

/** A search's body may have 3,000 characters (guide "Search the CRM"), and an IN filter a hundred values. */
const MAX_VALUES_CHARS = 2_500;
const MAX_VALUES = 100;
/** A call that cannot be looked up in this time comes again: this search shares the rate limit with that for contacts. */
const SEARCH_WAIT_MS = 4_000;

/**
 * Writes calls in an account that refuses unique values on them: a receipt names the record; without one the call is looked up by its key, and created
 * only if it does not exist. HubSpot's search shows a new call after some seconds (5 to 30 are reported), so that a call which an earlier attempt may
 * have created waits a minute.
 */
export function createPlainCalls(options: { api: HubSpotApi; account: string | undefined; dispositions: Dispositions }): WriteCalls {
  const { api, account, dispositions } = options;
  const { idOf, doubts } = memoryOf(account);

  /** Ids of the calls that exist, and outcomes of those that cannot be looked up now. A record that a receipt names may be deleted since. */
  async function lookUp(calls: CallToWrite[], signal: AbortSignal): Promise<{ ids: Map<string, string>; outcomes: Map<string, Outcome> }> {
    const named = calls.flatMap(({ key, item }) => {
      const id = item.callId ?? idOf.get(key) ?? item.delivery.previous?.id;
      return id === undefined ? [] : [{ key, id }];
    });
    const keyOf = await readKeys(
      named.map(({ id }) => id),
      signal,
    );
    const ids = new Map(named.flatMap(({ key, id }) => (keyOf.get(id) === key ? [[key, id] as const] : [])));
    const unknown = calls.map(({ key }) => key).filter((key) => !ids.has(key));
    const outcomes = new Map<string, Outcome>();
    await Promise.all(
      inParts(unknown).map(async (keys) => {
        try {
          for (const [key, id] of await search(keys, signal)) ids.set(key, id);
        } catch (error) {
          for (const key of keys) outcomes.set(key, outcomeOfReadError(error));
        }
      }),
    );
    return { ids, outcomes };
  }

  /** The keys of the records that exist. */
  async function readKeys(ids: string[], signal: AbortSignal): Promise<Map<string, string | null | undefined>> {
    const keyOf = new Map<string, string | null | undefined>();
    for (const part of chunk(ids, MAX_BATCH)) {
      const { results } = await api.ask(signal, readRecords("calls", part, [CALL_ID_PROPERTY]));
      for (const { id, properties } of results) keyOf.set(id, properties[CALL_ID_PROPERTY]);
    }
    return keyOf;
  }

  /** The oldest record of each key. HubSpot ignores the case of texts, and IN wants small letters: the exact key is compared here. */
  async function search(keys: string[], signal: AbortSignal): Promise<Map<string, string>> {
    const request = searchRecords("calls", {
      filterGroups: [{ filters: [{ propertyName: CALL_ID_PROPERTY, operator: "IN", values: keys.map((key) => key.toLowerCase()) }] }],
      sorts: [{ propertyName: "hs_createdate", direction: "ASCENDING" }],
      properties: [CALL_ID_PROPERTY],
      limit: MAX_FOUND_PER_PAGE,
    });
    const { results } = await api.search(request, { maxWaitMs: SEARCH_WAIT_MS, signal });
    const found = new Map<string, string>();
    for (const { id, properties } of results) {
      const key = properties[CALL_ID_PROPERTY];
      if (key && keys.includes(key) && !found.has(key)) found.set(key, id);
    }
    return found;
  }

  function doubt({ key, item }: CallToWrite): Doubt {
    const since = { atMs: performance.now(), sinceAcceptedMs: item.delivery.sinceAcceptedMs };
    doubts.set(key, since);
    return since;
  }

  /** Why a call that was not found is not created now; undefined: it is. The doubt of another process may be as young as this moment. */
  function notYet(call: CallToWrite): Outcome | undefined {
    const { unclear, sinceAcceptedMs } = call.item.delivery;
    const since = doubts.get(call.key) ?? (unclear ? doubt(call) : undefined);
    if (!since) return undefined;
    const leftMs = SEARCH_LAG_MS - Math.max(performance.now() - since.atMs, sinceAcceptedMs - since.sinceAcceptedMs);
    if (leftMs <= 0) return undefined;
    const reason = "HubSpot may have the call from an earlier attempt, and its search does not show it yet";
    return { kind: "retry", because: "record", code: "call_unclear", reason, retryAfterMs: Math.ceil(leftMs) };
  }

  async function make(batch: CallToWrite[], signal: AbortSignal): Promise<WrittenBatch> {
    for (const call of batch) doubt(call);
    try {
      const answer = await api.ask(signal, createCalls(batch.map(({ key, properties }) => ({ trace: key, properties }))));
      // A call that the answer does not mention stays in doubt.
      const named = new Set(answer.results.map(({ objectWriteTraceId }) => objectWriteTraceId));
      for (const { key } of batch) if (named.has(key) || answer.errors?.length) doubts.delete(key);
      return answer;
    } catch (error) {
      if (!mayHaveArrived(outcomeOfHubSpotError(error))) for (const { key } of batch) doubts.delete(key);
      throw error;
    }
  }

  return async function writePlainCalls(calls, signal) {
    const written = new Map<string, Written>();
    let found: Awaited<ReturnType<typeof lookUp>>;
    try {
      found = await lookUp(calls, signal);
    } catch (error) {
      const outcome = outcomeOfReadError(error);
      return new Map(calls.map(({ key }) => [key, { outcome }]));
    }
    const { ids, outcomes } = found;
    const isThere = ({ key }: CallToWrite) => ids.has(key);
    const fresh = calls.filter((call) => {
      if (isThere(call)) return false;
      const outcome = outcomes.get(call.key) ?? notYet(call);
      if (outcome) written.set(call.key, { outcome });
      return outcome === undefined;
    });
    const inputOf = ({ key, properties }: CallToWrite) => ({ id: ids.get(key) ?? "", properties, trace: key });
    const change = async (batch: CallToWrite[]) => traced(await api.ask(signal, updateCalls(batch.map(inputOf))), ids);
    const how = { dispositions, signal };
    const changed = await writeInBatches({ calls: calls.filter(isThere), write: change, ...how });
    const made = await writeInBatches({ calls: fresh, write: (batch) => make(batch, signal), ...how });
    for (const [key, one] of [...changed, ...made]) {
      written.set(key, one);
      if ("id" in one) idOf.set(key, one.id);
    }
    // Another process must not create it a second time.
    for (const [key, one] of made)
      if ("outcome" in one && mayHaveArrived(one.outcome)) written.set(key, { outcome: ambiguous(one.outcome) });
    return written;
  };
}

function ambiguous(outcome: Outcome): Outcome {
  return {
    kind: "ambiguous",
    code: "code" in outcome ? outcome.code : outcome.kind,
    reason: "HubSpot may have made the call, and did not say so",
  };
}

/** Results of updates name their record, if not our trace id. */
function traced(answer: WrittenBatch, ids: ReadonlyMap<string, string>): WrittenBatch {
  const keyOf = new Map([...ids].map(([key, id]) => [id, key]));
  return { ...answer, results: answer.results.map((one) => ({ ...one, objectWriteTraceId: one.objectWriteTraceId ?? keyOf.get(one.id) })) };
}

function inParts(keys: string[]): string[][] {
  const parts: string[][] = [];
  let chars = 0;
  for (const key of keys) {
    const more = JSON.stringify(key).length + 1;
    const last = parts.at(-1);
    if (!last || last.length >= MAX_VALUES || chars + more > MAX_VALUES_CHARS) {
      parts.push([key]);
      chars = more;
    } else {
      last.push(key);
      chars += more;
    }
  }
  return parts;
}
