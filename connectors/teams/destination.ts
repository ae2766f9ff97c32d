import type { Delivery, OpenDestination, Outcome, Secret } from "../../src/connector/index.ts";
import { messageOf } from "./card.ts";
import { outcomeOfAnswer, outcomeOfError } from "./outcome.ts";
import type { TeamsWith } from "./with.ts";
import { addressOf } from "./workflow-url.ts";

/** An error's body is read for its code, no further. */
const BODY_MOST = 20_000;

/** The beginning of an answer: one without an end is left. */
async function beginningOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    bytes += chunk.byteLength;
    // Leaving the loop cancels the body.
    if (bytes >= BODY_MOST) break;
  }
  return Buffer.concat(chunks).toString("utf8").slice(0, BODY_MOST);
}

/** Opening asks nobody: a flow can only be started. */
export async function openTeams(options: {
  url: Secret;
  baseUrl: string | undefined;
  timezone: string;
  timeoutMs: number;
}): Promise<OpenDestination<TeamsWith>> {
  const { baseUrl, timezone, timeoutMs } = options;
  const address = addressOf({ url: options.url.reveal(), baseUrl });

  async function sendOne(delivery: Delivery<TeamsWith>, signal: AbortSignal): Promise<Outcome> {
    // A flow gives no message back that could be changed; a second card is not what anybody wants.
    if (delivery.previous) return { kind: "skipped", reason: "Teams changes no card that was posted: it stands as it is" };
    const body = JSON.stringify(messageOf(delivery, { timezone }));
    try {
      const response = await fetch(address, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
        // The address is the credential: it goes nowhere else.
        redirect: "manual",
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      });
      const answer = { status: response.status, headers: response.headers, body: await beginningOf(response) };
      return outcomeOfAnswer(answer, { key: delivery.key, nowMs: Date.now() });
    } catch (error) {
      return outcomeOfError(error);
    }
  }

  return {
    send: (deliveries, { signal }) => Promise.all(deliveries.map((delivery) => sendOne(delivery, signal))),
    close: async () => undefined,
  };
}
