import type { Outcome } from "../../../src/connector/index.ts";
import type { WrittenBatch } from "../answers.ts";
import { CALL_ID_PROPERTY } from "../call-id.ts";
import type { Dispositions } from "../dispositions.ts";
import { outcomeOfHubSpotError, outcomeOfItemError } from "../errors.ts";
import { complaintsIn, HubSpotRefusal, problemOf, requiredIn } from "../vendor-error.ts";
import { createLeavingOut, type Detail, type Refusable } from "./drop-refused-fields.ts";

/** Its properties are taken as they are, but for what is left out of them. */
export type CallToWrite = Refusable;

/** A call's record in HubSpot, or why there is none. */
export type Written = { id: string; leftOut?: readonly Detail[] } | { outcome: Outcome };

/** Writes up to a hundred calls in one request. @throws as `api.ask` */
export type WriteBatch<C extends CallToWrite> = (calls: C[]) => Promise<WrittenBatch>;

/** How much a request may be long is not documented: ten large transcripts in Japanese are no problem anywhere. */
const MAX_BATCH_CHARS = 2_000_000;

/** Requests that may be spent on finding the bad calls of a refused batch: two bad ones among 100 take 27 at most. */
const MAX_REQUESTS = 30;

/**
 * Writes calls, up to 100; the answer is by key. HubSpot may refuse a whole batch for one call in it: it is divided then, so that the others arrive.
 * A detail that it refuses is left out, once: the call matters more.
 */
export async function writeInBatches<C extends CallToWrite>(options: {
  calls: C[];
  write: WriteBatch<C>;
  dispositions: Pick<Dispositions, "readAgain">;
  signal: AbortSignal;
}): Promise<Map<string, Written>> {
  const { write, dispositions, signal } = options;
  const written = new Map<string, Written>();
  const { leaveOut, leftOut } = createLeavingOut({ dispositions, signal });
  let requestsLeft = MAX_REQUESTS;

  const setAll = (calls: C[], outcome: Outcome) => {
    for (const { key } of calls) written.set(key, { outcome });
  };

  async function send(calls: C[]): Promise<void> {
    if (calls.length === 0) return;
    if (requestsLeft === 0) return setAll(calls, REFUSED_WITH_OTHERS);
    requestsLeft -= 1;
    try {
      const answer = answersIn(await write(calls), calls);
      const again = new Set<C>();
      for (const call of calls) {
        const { error } = answer.get(call.key) ?? {};
        if (error !== undefined) for (const one of await leaveOut([call], error)) again.add(one);
      }
      for (const call of calls) if (!again.has(call)) written.set(call.key, writtenOf(answer.get(call.key)));
      await send([...again]);
    } catch (error) {
      const outcome = outcomeOfHubSpotError(error);
      const { guilty, others } = divide(calls, error);
      if (guilty.length > 0) {
        setAll(guilty, outcome);
        for (const part of others) await send(part);
        return;
      }
      if (outcome.kind !== "rejected") return setAll(calls, outcome);
      if ((await leaveOut(calls, error)).length > 0) return send(calls);
      if (calls.length === 1) return setAll(calls, outcome);
      for (const part of others) await send(part);
    }
  }

  for (const part of inParts(options.calls)) await send(part);
  for (const [key, details] of leftOut) {
    const one = written.get(key);
    if (one && "id" in one) one.leftOut = details;
  }
  return written;
}

function inParts<C extends CallToWrite>(calls: C[]): C[][] {
  const parts: C[][] = [];
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

/**
 * Who is to blame is known when HubSpot names a property that it does not have, or one that a rule of the account requires; else halves tell.
 */
function divide<C extends CallToWrite>(calls: C[], error: unknown): { guilty: C[]; others: C[][] } {
  if (!(error instanceof HubSpotRefusal)) return { guilty: [], others: [] };
  const absent = complaintsIn(error).flatMap(({ code, property }) => (code === "PROPERTY_DOESNT_EXIST" && property ? [property] : []));
  const required = requiredIn(problemOf(error.body)).map(({ property }) => property);
  const guilty = calls.filter(
    ({ properties }) => absent.some((name) => Object.hasOwn(properties, name)) || required.some((name) => !Object.hasOwn(properties, name)),
  );
  if (guilty.length > 0) return { guilty, others: [calls.filter((call) => !guilty.includes(call))] };
  const middle = Math.ceil(calls.length / 2);
  return { guilty, others: [calls.slice(0, middle), calls.slice(middle)] };
}

/** What HubSpot answered for one call: a record, or an error that names it. */
type ItemAnswer = { id: string; error?: undefined } | { id?: undefined; error: unknown };

/** A 207 is an answer like a 200: each call has its result or its error, joined by the trace id that we gave. */
function answersIn(answer: WrittenBatch, calls: CallToWrite[]): Map<string, ItemAnswer> {
  const results = new Map(answer.results.map((one) => [one.objectWriteTraceId ?? one.properties?.[CALL_ID_PROPERTY], one.id]));
  const errors = answer.errors ?? [];
  return new Map(
    calls.flatMap(({ key }): [string, ItemAnswer][] => {
      const id = results.get(key);
      if (id !== undefined) return [[key, { id }]];
      const own = errors.find((one) => isAbout(one, key));
      // An error that names nobody is this call's if it was alone.
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
