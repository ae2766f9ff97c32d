import { type Delivery, type Outcome, parseRetryAfterMs } from "../../../src/connector/index.ts";
import { type BadFault, duplicatesWith, redirectWith } from "./faults.ts";
import { wholeNote } from "./read.ts";

type AnyDelivery = Delivery<Record<string, never>>;

export interface At {
  url: string;
  token: string;
  fault: BadFault;
}

/** One request for all; one outcome each. */
export async function postNotes(options: { at: At; deliveries: AnyDelivery[]; signal: AbortSignal }): Promise<Outcome[]> {
  const { at, signal } = options;
  const { fault } = at;
  const [deliveries, refused] =
    fault === "sends a key once that comes twice, and refuses the other" ? firstOfEachKey(options.deliveries) : [options.deliveries, []];
  if (fault === "prints the call") console.error("sending", JSON.stringify(deliveries[0]?.call));

  const tries = fault.startsWith("tries again by itself") ? 3 : 1;
  let answer: Answer | undefined;
  for (let tried = 0; tried < tries && answer?.status !== 200; tried += 1)
    answer = await post({ at, deliveries, signal }).catch(unlessTriedAgain);
  if (!answer)
    return deliveries.map((): Outcome => ({ kind: "retry", because: "down", code: "no_answer", reason: "Notes does not answer" }));
  const whole = outcomeOfAnswer({ ...answer, fault });
  const outcomes = whole ? deliveries.map(() => whole) : outcomesOfResults(answer.text, deliveries, fault);
  return [...outcomes, ...refused.map((): Outcome => ({ kind: "rejected", code: "twice", reason: "it came twice" }))];

  function unlessTriedAgain(error: unknown): undefined {
    if (fault !== "tries again what may have arrived") throw error;
  }
}

interface Answer {
  status: number;
  headers: Headers;
  text: string;
}

async function post(options: { at: At; deliveries: AnyDelivery[]; signal: AbortSignal }): Promise<Answer> {
  const { at, deliveries, signal } = options;
  const { url, token, fault } = at;
  const notes = await Promise.all(
    deliveries.map(async ({ key, call, previous }) => ({
      key,
      ...(previous ? { id: previous.id } : {}),
      fields: { ...(fault === "writes anew what it could not read" && (await wholeNote({ at, key, signal }))), ...fieldsOf(call, fault) },
    })),
  );
  // The API may answer a note that it knows with nothing.
  const silent = fault === "none, updates answer 204" && deliveries.every(({ previous }) => previous !== undefined);
  const response = await fetch(`${url}/notes${silent ? "?answer=none" : ""}`, {
    method: "POST",
    redirect: redirectWith(fault),
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ upsert: fault !== "creates instead of upserting" && duplicatesWith(fault) === "native-key", notes }),
    ...(fault === "ignores the signal" ? {} : { signal }),
  });
  const text = await response.text();
  if (silent && response.ok) return { status: 200, headers: response.headers, text: resultsOf(deliveries) };
  return { status: response.status, headers: response.headers, text };
}

const resultsOf = (deliveries: AnyDelivery[]) => JSON.stringify({ results: deliveries.map(({ previous }) => ({ id: previous?.id })) });

function fieldsOf(call: AnyDelivery["call"], fault: BadFault): Record<string, unknown> {
  const { summary, transcript, recording_url, customer_number: number } = call;
  const fields = Object.entries({ summary, transcript, recording_url, number });
  if (fault === "blanks what an update lacks") return Object.fromEntries(fields.map(([name, value]) => [name, value ?? null]));
  return Object.fromEntries(fields.filter(([, value]) => value !== undefined));
}

/** What concerns the whole request; undefined: it was taken, and each note has its own answer. */
export function outcomeOfAnswer(options: Answer & { fault: BadFault }): Outcome | undefined {
  const { status, headers, text, fault } = options;
  if (status === 429) {
    if (fault === "takes 429 for delivered") return { kind: "delivered", receipt: { id: "n1" } };
    const asked = parseRetryAfterMs(headers.get("retry-after"), Date.now());
    const retryAfterMs = fault === "waits less than Retry-After says" ? 50 : asked;
    const wait = retryAfterMs === undefined ? {} : { retryAfterMs };
    return { kind: "retry", because: "rate-limit", code: "429", reason: "Notes asks to send more slowly", ...wait };
  }
  if (status >= 300 && status < 400)
    return { kind: "needs-fix", code: String(status), reason: "Notes is at another address", fix: "Correct `base_url`" };
  if (status === 401) {
    if (fault === "says rejected when its token has expired") return { kind: "rejected", code: "401", reason: "Notes refuses the note" };
    return { kind: "needs-fix", code: "401", reason: "Notes refuses the token", fix: "Put a new one into `token`" };
  }
  if (status >= 500) {
    if (fault === "gives a call up on 5xx") return { kind: "rejected", code: String(status), reason: "Notes failed" };
    if (duplicatesWith(fault) !== "native-key")
      return { kind: "ambiguous", code: String(status), reason: "Notes failed while it had the note" };
    return { kind: "retry", because: "server", code: String(status), reason: "Notes failed" };
  }
  if (status !== 200) {
    const reason = fault === "quotes what the vendor says" ? text.slice(0, 300) : "Notes refuses the request";
    return { kind: "rejected", code: String(status), reason };
  }
  return undefined;
}

function outcomesOfResults(text: string, deliveries: AnyDelivery[], fault: BadFault): Outcome[] {
  let results: unknown;
  try {
    results = JSON.parse(text).results;
  } catch {
    results = undefined;
  }
  return deliveries.map(({ call, key }, index): Outcome => {
    const result = Array.isArray(results) ? (results[index] as { id?: string; error?: string } | undefined) : undefined;
    if (result?.id) return { kind: "delivered", receipt: receiptOf(result.id, call.customer_number, fault) };
    if (result?.error) return { kind: "rejected", code: "not_valid", reason: "Notes refuses the note" };
    if (fault === "takes a page of HTML with 200 for delivered") return { kind: "delivered", receipt: { id: key } };
    return { kind: "ambiguous", code: "unreadable", reason: "the answer of Notes cannot be read" };
  });
}

function receiptOf(id: string, number: string | undefined, fault: BadFault) {
  return fault === "puts the number into its receipts" ? { id, extra: { number: number ?? "" } } : { id };
}

function firstOfEachKey(deliveries: AnyDelivery[]): [AnyDelivery[], AnyDelivery[]] {
  const isFirst = (one: AnyDelivery) => deliveries.findIndex(({ key }) => key === one.key) === deliveries.indexOf(one);
  return [deliveries.filter(isFirst), deliveries.filter((one) => !isFirst(one))];
}
