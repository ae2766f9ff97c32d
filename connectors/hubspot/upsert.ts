import { type Outcome, untilAborted } from "../../src/connector.ts";
import type { HubSpotApi } from "./client.ts";
import { missingPropertiesIn, outcomeOfHubSpotError, outcomeOfItemError } from "./outcome.ts";
import { CALL_ID_PROPERTY } from "./property.ts";

export interface CallToUpsert {
  key: string;
  properties: Record<string, string>;
}

/** A call's record in HubSpot, or why there is none. */
export type Upserted = { id: string } | { outcome: Outcome };

/** Requests that may be spent on finding the bad calls of a refused batch: two bad ones among 20 take 17 at most. */
const MAX_REQUESTS = 24;

/**
 * Creates or updates calls by their unique property, up to 100; the answer is by key. The same key twice would make HubSpot refuse all.
 * HubSpot may refuse a whole batch for one call in it: it is divided then, so that the others arrive.
 */
export async function upsertCalls(options: {
  api: HubSpotApi;
  calls: CallToUpsert[];
  signal: AbortSignal;
}): Promise<Map<string, Upserted>> {
  const { api, signal } = options;
  const upserted = new Map<string, Upserted>();
  let requestsLeft = MAX_REQUESTS;

  const setAll = (calls: CallToUpsert[], outcome: Outcome) => {
    for (const { key } of calls) upserted.set(key, { outcome });
  };

  async function send(calls: CallToUpsert[]): Promise<void> {
    if (calls.length === 0) return;
    if (requestsLeft === 0) return setAll(calls, REFUSED_WITH_OTHERS);
    requestsLeft -= 1;
    try {
      for (const [key, one] of await sendBatch({ api, calls, signal })) upserted.set(key, one);
    } catch (error) {
      const outcome = outcomeOfHubSpotError(error);
      if (outcome.kind !== "rejected" || calls.length === 1) return setAll(calls, outcome);
      const { guilty, others } = divide(calls, missingPropertiesIn(error));
      if (guilty) setAll(guilty, outcome);
      for (const part of others) await send(part);
    }
  }

  await send(options.calls);
  return upserted;
}

const REFUSED_WITH_OTHERS: Outcome = {
  kind: "retry",
  because: "record",
  code: "batch_refused",
  reason: "HubSpot refused the batch that it was in because of other calls",
};

/** Who is to blame is known when HubSpot names a property that it does not have; else halves tell. */
function divide(calls: CallToUpsert[], missingProperties: string[]): { guilty?: CallToUpsert[]; others: CallToUpsert[][] } {
  const guilty = calls.filter(({ properties }) => missingProperties.some((name) => Object.hasOwn(properties, name)));
  if (guilty.length > 0) return { guilty, others: [calls.filter((call) => !guilty.includes(call))] };
  const middle = Math.ceil(calls.length / 2);
  return { others: [calls.slice(0, middle), calls.slice(middle)] };
}

async function sendBatch(options: { api: HubSpotApi; calls: CallToUpsert[]; signal: AbortSignal }): Promise<Map<string, Upserted>> {
  const { api, calls, signal } = options;
  const inputs = calls.map(({ key, properties }) => ({ id: key, idProperty: CALL_ID_PROPERTY, objectWriteTraceId: key, properties }));
  const answer = await untilAborted(signal, () => api.calls.upsert({ inputs }));

  // A 207 resolves like a 200: each call has its result or its error, joined by the trace id that we gave.
  const results = new Map((answer.results ?? []).map((one) => [one.objectWriteTraceId ?? one.properties?.[CALL_ID_PROPERTY], one.id]));
  const errors = "errors" in answer ? (answer.errors ?? []) : [];
  return new Map(
    calls.map(({ key }): [string, Upserted] => {
      const id = results.get(key);
      if (id !== undefined) return [key, { id }];
      const own = errors.find(({ context }) => [...(context?.objectWriteTraceId ?? []), ...(context?.ids ?? [])].includes(key));
      // An error that names nobody is this call's if it was alone.
      const error = own ?? (calls.length === 1 ? errors[0] : undefined);
      return [key, { outcome: error ? outcomeOfItemError(error) : NO_RESULT }];
    }),
  );
}

const NO_RESULT: Outcome = { kind: "retry", because: "record", code: "no_result", reason: "HubSpot's answer does not mention this call" };
