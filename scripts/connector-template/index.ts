import { z } from "zod";
import {
  callTitle,
  type Delivery,
  defineConnector,
  httpSettings,
  OpenError,
  type Outcome,
  outcomeOfStatus,
  requestJson,
  type SentField,
  secret,
  truncate,
} from "../../src/connector/index.ts";

/** Where the API is, unless `base_url` says otherwise. */
const ADDRESS = "https://api.example.com/v1";
const API = { title: "Example", fix: "Put a token of Example into `token`", duplicates: "native-key" } as const;
/** Say where the vendor says so. */
const TEXT_LENGTH = 10_000;

/** Every field of {@link recordOf}; the page's table is made from it. */
export const SENDS: readonly SentField[] = [
  { field: "title", what: "the call's title: direction, number, agent" },
  { field: "note", what: "`note` of the route, else the summary" },
  { field: "outcome", what: "`call_outcome`" },
  { field: "started_at", what: "`start_time`" },
  { field: "duration_seconds", what: "`duration_seconds`" },
];

/** A record per call in Example. */
export const example = defineConnector({
  name: "example",
  title: "Example",
  keeps: "record",
  duplicates: "native-key",
  settings: z.strictObject({ token: secret().describe("API token of Example"), ...httpSettings }),
  with: z.strictObject({ note: z.string().optional().describe("Your own note in place of the summary") }),
  sends: SENDS,
  batch: { maxCalls: 1, concurrency: 4 },

  async open({ settings, timeoutMs }) {
    const address = (settings.base_url ?? ADDRESS).replace(/\/+$/, "");
    const headers = { authorization: `Bearer ${settings.token.reveal()}` };
    // Fails here, with its fix, rather than on the first call.
    const me = await requestJson({ method: "GET", url: `${address}/me`, headers, signal: AbortSignal.timeout(timeoutMs) });
    const refused = outcomeOfStatus(me, API);
    if (refused) throw new OpenError(refused);

    return {
      async send([delivery], { signal }): Promise<Outcome[]> {
        if (!delivery) return [];
        // The delivery's key is the record's: the same call again, after a lost answer too, writes the same record.
        const url = `${address}/calls/${encodeURIComponent(delivery.key)}`;
        const answer = await requestJson({ method: "PUT", url, headers, body: recordOf(delivery), signal });
        const outcome = outcomeOfStatus(answer, API);
        if (outcome) return [outcome];
        const { id } = (answer.json ?? {}) as { id?: unknown };
        if (typeof id === "string") return [{ kind: "delivered", receipt: { id } }];
        return [{ kind: "ambiguous", code: "no_id", reason: "the answer is not one of Example's: a proxy may stand in between" }];
      },
      close: async () => undefined,
    };
  },

  sandbox: () => import("./sandbox.ts"),
});

/** What is absent is left out, so that nothing once sent is blanked. */
export function recordOf({ call, with: { note } }: Delivery<{ note?: string | undefined }>) {
  const text = note?.trim() || call.summary?.trim();
  return {
    title: callTitle(call).toWellFormed(),
    note: text ? truncate(text, TEXT_LENGTH).toWellFormed() : undefined,
    outcome: call.call_outcome.toWellFormed(),
    started_at: call.start_time,
    duration_seconds: Math.round(call.duration_seconds),
  };
}
