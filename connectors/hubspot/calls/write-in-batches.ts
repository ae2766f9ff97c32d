import { halves, type Outcome, type RefusedDetail, splitOnRefusal } from "../../../src/connector/index.ts";
import type { WrittenBatch } from "../answers.ts";
import { CALL_ID_PROPERTY } from "../call-id.ts";
import type { Dispositions } from "../dispositions.ts";
import { outcomeOfHubSpotError, outcomeOfItemError } from "../errors.ts";
import type { CallItem } from "../item.ts";
import { complaintsIn, HubSpotRefusal, problemOf, requiredIn } from "../vendor-error.ts";
import { createFieldDropper } from "./drop-refused-fields.ts";

/** A call with the properties to write. Refused details are deleted from them. */
export interface CallToWrite {
  key: string;
  properties: Record<string, string>;
  item: CallItem;
}

/** A call's record in HubSpot, or why there is none. */
export type Written = { id: string; leftOut?: readonly RefusedDetail[] } | { outcome: Outcome };

/** Writes up to 100 calls, one record for each key, created or updated. The result is by key. */
export type WriteCalls = (calls: CallToWrite[], signal: AbortSignal) => Promise<Map<string, Written>>;

/** The size limit of a request is not documented: ten large transcripts in Japanese are no problem anywhere. */
const MAX_BATCH_CHARS = 2_000_000;

/** Requests that may be spent on finding the bad calls of a refused batch: two bad ones among 100 take 27 at most. */
const MAX_REQUESTS = 30;

/**
 * Writes up to 100 calls; the result is by key. HubSpot may refuse a whole batch because of one call: the batch is split then, so that the others
 * arrive. A detail that it refuses is dropped, once: the call matters more. `write` sends one batch, and throws as `api.ask`.
 */
export async function writeInBatches(options: {
  calls: CallToWrite[];
  write(calls: CallToWrite[]): Promise<WrittenBatch>;
  dispositions: Pick<Dispositions, "readAgain">;
  signal: AbortSignal;
}): Promise<Map<string, Written>> {
  const { calls, write, dispositions, signal } = options;
  const { dropRefused, dropped } = createFieldDropper({ dispositions, signal });
  const budget = { left: MAX_REQUESTS };

  async function writeOnce(batch: CallToWrite[]): Promise<Written[]> {
    if (batch.length === 0) return [];
    if (budget.left <= 0) return batch.map(() => ({ outcome: REFUSED_WITH_OTHERS }));
    budget.left -= 1;
    let answers: Map<string, ItemAnswer>;
    try {
      answers = answersIn(await write(batch), batch);
    } catch (error) {
      if (guiltyOf(batch, error).length === 0 && isRefusal(error) && (await dropRefused(batch, error)).length > 0) return writeOnce(batch);
      throw error;
    }
    const again = new Set<CallToWrite>();
    for (const call of batch) {
      const { error } = answers.get(call.key) ?? {};
      if (error !== undefined) for (const one of await dropRefused([call], error)) again.add(one);
    }
    const second = await writeBatch([...again]);
    const written = new Map([...again].map((call, index) => [call, second[index]]));
    return batch.map((call) => written.get(call) ?? writtenOf(answers.get(call.key)));
  }

  const writeBatch = (batch: CallToWrite[]): Promise<Written[]> =>
    splitOnRefusal({
      items: batch,
      write: writeOnce,
      refusalOf: (error): Written => ({ outcome: outcomeOfHubSpotError(error) }),
      divide,
    });

  const written = new Map<string, Written>();
  for (const part of inParts(calls)) {
    const results = await writeBatch(part);
    for (const [index, { key }] of part.entries()) written.set(key, results[index] ?? { outcome: NO_RESULT });
  }
  for (const [key, details] of dropped) {
    const one = written.get(key);
    if (one && "id" in one) one.leftOut = details;
  }
  return written;
}

const isRefusal = (error: unknown) => outcomeOfHubSpotError(error).kind === "rejected";

function inParts(calls: CallToWrite[]): CallToWrite[][] {
  const parts: CallToWrite[][] = [];
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

/** The calls that a refusal is about, and the parts in which the others are written. */
function divide(calls: readonly CallToWrite[], error: unknown): { refused: readonly CallToWrite[]; parts: CallToWrite[][] } {
  const guilty = guiltyOf(calls, error);
  if (guilty.length > 0) {
    const others = calls.filter((call) => !guilty.includes(call));
    return { refused: guilty, parts: others.length > 0 ? [others] : [] };
  }
  return isRefusal(error) && calls.length > 1 ? { refused: [], parts: halves(calls) } : { refused: calls, parts: [] };
}

/** The calls with a property that HubSpot does not have, or without one that a rule of the account requires. Other refusals name no call. */
function guiltyOf(calls: readonly CallToWrite[], error: unknown): CallToWrite[] {
  if (!(error instanceof HubSpotRefusal)) return [];
  const absent = complaintsIn(error).flatMap(({ code, property }) => (code === "PROPERTY_DOESNT_EXIST" && property ? [property] : []));
  const required = requiredIn(problemOf(error.body)).map(({ property }) => property);
  return calls.filter(
    ({ properties }) => absent.some((name) => Object.hasOwn(properties, name)) || required.some((name) => !Object.hasOwn(properties, name)),
  );
}

/** What HubSpot answered for one call: a record, or an error that names it. */
type ItemAnswer = { id: string; error?: undefined } | { id?: undefined; error: unknown };

/** A 207 is an answer like a 200: each call has its result or its error, with our trace id. */
function answersIn(answer: WrittenBatch, calls: CallToWrite[]): Map<string, ItemAnswer> {
  const results = new Map(answer.results.map((one) => [one.objectWriteTraceId ?? one.properties?.[CALL_ID_PROPERTY], one.id]));
  const errors = answer.errors ?? [];
  return new Map(
    calls.flatMap(({ key }): [string, ItemAnswer][] => {
      const id = results.get(key);
      if (id !== undefined) return [[key, { id }]];
      const own = errors.find((one) => isAbout(one, key));
      // An error that names no call is about the only one.
      const error = own ?? (calls.length === 1 ? errors[0] : undefined);
      return error === undefined ? [] : [[key, { error }]];
    }),
  );
}

function isAbout(error: unknown, key: string): boolean {
  const { context = {} } = problemOf(error);
  return [context.objectWriteTraceId, context.ids].some((named) => Array.isArray(named) && named.includes(key));
}

function writtenOf(answer: ItemAnswer | undefined): Written {
  if (!answer) return { outcome: NO_RESULT };
  return answer.id === undefined ? { outcome: outcomeOfItemError(answer.error) } : { id: answer.id };
}

const NO_RESULT: Outcome = { kind: "retry", because: "record", code: "no_result", reason: "HubSpot's answer does not mention this call" };
