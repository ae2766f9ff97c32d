import type { Outcome } from "../../src/connector.ts";
import { CALL_ID_PROPERTY } from "./call-id.ts";
import type { HubSpotApi } from "./client.ts";
import type { Dispositions } from "./dispositions.ts";
import { createMender, type Mendable } from "./mend.ts";
import { complaintsIn, outcomeOfHubSpotError, outcomeOfItemError } from "./outcome.ts";

/** Its properties are taken as they are, but for what a {@link createMender} takes out of them. */
export type CallToUpsert = Mendable;

/** A call's record in HubSpot, or why there is none. */
export type Upserted = { id: string; leftOut?: readonly string[] } | { outcome: Outcome };

/** How much a request may be long is not documented: ten large transcripts in Japanese are no problem anywhere. */
const MAX_BATCH_CHARS = 2_000_000;

/** Requests that may be spent on finding the bad calls of a refused batch: two bad ones among 100 take 27 at most. */
const MAX_REQUESTS = 30;

/**
 * Creates or updates calls by their unique property, up to 100; the answer is by key. The same key twice would make HubSpot refuse all.
 * HubSpot may refuse a whole batch for one call in it: it is divided then, so that the others arrive. A call outcome that somebody deleted in HubSpot,
 * or an owner that it refuses, is left out, once: the call matters more.
 */
export async function upsertCalls(options: {
  api: HubSpotApi;
  calls: CallToUpsert[];
  dispositions: Pick<Dispositions, "readAnew">;
  signal: AbortSignal;
}): Promise<Map<string, Upserted>> {
  const { api, dispositions, signal } = options;
  const upserted = new Map<string, Upserted>();
  const { mend, leftOut } = createMender({ dispositions, signal });
  let requestsLeft = MAX_REQUESTS;

  const setAll = (calls: CallToUpsert[], outcome: Outcome) => {
    for (const { key } of calls) upserted.set(key, { outcome });
  };

  async function send(calls: CallToUpsert[]): Promise<void> {
    if (calls.length === 0) return;
    if (requestsLeft === 0) return setAll(calls, REFUSED_WITH_OTHERS);
    requestsLeft -= 1;
    try {
      const answer = await sendBatch({ api, calls, signal });
      const refused = calls.filter(({ key }) => answer.get(key)?.error !== undefined);
      const again = new Set<CallToUpsert>();
      for (const call of refused) for (const one of await mend([call], answer.get(call.key)?.error)) again.add(one);
      for (const call of calls) if (!again.has(call)) upserted.set(call.key, upsertedOf(answer.get(call.key)));
      await send([...again]);
    } catch (error) {
      const outcome = outcomeOfHubSpotError(error);
      if (outcome.kind !== "rejected") return setAll(calls, outcome);
      if ((await mend(calls, error)).length > 0) return send(calls);
      if (calls.length === 1) return setAll(calls, outcome);
      const { guilty, others } = divide(calls, error);
      if (guilty) setAll(guilty, outcome);
      for (const part of others) await send(part);
    }
  }

  for (const part of inParts(options.calls)) await send(part);
  for (const [key, properties] of leftOut) {
    const one = upserted.get(key);
    if (one && "id" in one) one.leftOut = properties;
  }
  return upserted;
}

function inParts(calls: CallToUpsert[]): CallToUpsert[][] {
  const parts: CallToUpsert[][] = [];
  let chars = 0;
  for (const call of calls) {
    const more = Object.values(call.properties).reduce((sum, value) => sum + value.length, 0);
    if (parts.length === 0 || chars + more > MAX_BATCH_CHARS) {
      parts.push([]);
      chars = 0;
    }
    parts.at(-1)?.push(call);
    chars += more;
  }
  return parts;
}

const REFUSED_WITH_OTHERS: Outcome = {
  kind: "retry",
  because: "record",
  code: "batch_refused",
  reason: "HubSpot refused the batch that it was in because of other calls",
};

/** Who is to blame is known when HubSpot names a property that it does not have; else halves tell. */
function divide(calls: CallToUpsert[], error: unknown): { guilty?: CallToUpsert[]; others: CallToUpsert[][] } {
  const missing = complaintsIn(error).flatMap(({ code, property }) => (code === "PROPERTY_DOESNT_EXIST" && property ? [property] : []));
  const guilty = calls.filter(({ properties }) => missing.some((name) => Object.hasOwn(properties, name)));
  if (guilty.length > 0) return { guilty, others: [calls.filter((call) => !guilty.includes(call))] };
  const middle = Math.ceil(calls.length / 2);
  return { others: [calls.slice(0, middle), calls.slice(middle)] };
}

/** What HubSpot answered for one call: a record, or an error that names it. */
type ItemAnswer = { id: string; error?: undefined } | { id?: undefined; error: unknown };

async function sendBatch(options: { api: HubSpotApi; calls: CallToUpsert[]; signal: AbortSignal }): Promise<Map<string, ItemAnswer>> {
  const { api, calls, signal } = options;
  const inputs = calls.map(({ key, properties }) => ({ id: key, idProperty: CALL_ID_PROPERTY, objectWriteTraceId: key, properties }));
  const answer = await api.ask(signal, (sdk) => sdk.calls.upsert({ inputs }));

  // A 207 resolves like a 200: each call has its result or its error, joined by the trace id that we gave.
  const results = new Map((answer.results ?? []).map((one) => [one.objectWriteTraceId ?? one.properties?.[CALL_ID_PROPERTY], one.id]));
  const errors = "errors" in answer ? (answer.errors ?? []) : [];
  return new Map(
    calls.flatMap(({ key }): [string, ItemAnswer][] => {
      const id = results.get(key);
      if (id !== undefined) return [[key, { id }]];
      const own = errors.find(({ context }) => [...(context?.objectWriteTraceId ?? []), ...(context?.ids ?? [])].includes(key));
      // An error that names nobody is this call's if it was alone.
      const error = own ?? (calls.length === 1 ? errors[0] : undefined);
      return error ? [[key, { error }]] : [];
    }),
  );
}

function upsertedOf(answer: ItemAnswer | undefined): Upserted {
  if (!answer) return { outcome: NO_RESULT };
  return answer.id === undefined ? { outcome: outcomeOfItemError(answer.error) } : { id: answer.id };
}

const NO_RESULT: Outcome = { kind: "retry", because: "record", code: "no_result", reason: "HubSpot's answer does not mention this call" };
