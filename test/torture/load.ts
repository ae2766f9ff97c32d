import { createHmac } from "node:crypto";
import { Agent, request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { sampleCall } from "../../src/sandbox/calls.ts";
import { SECRET } from "./scene.ts";

export interface Load {
  /** Calls answered 200. */
  accepted: Set<string>;
  statuses: Map<number | "no answer", number>;
  /** Milliseconds until the answer, of each request that got one. */
  tookMs: number[];
  stop(): Promise<void>;
}

const MOST_IN_FLIGHT = 300;
const TIMEOUT_MS = 10_000;
const SHARE_SENT_TWICE = 0.2;

/** Posts new calls at a steady rate until it is stopped, a fifth of them twice, as VoiceInfra's own retries do. */
export function startLoad(options: { url: string; ratePerSecond: number; prefix?: string }): Load {
  const { url, ratePerSecond, prefix = "call" } = options;
  const accepted = new Set<string>();
  const statuses = new Map<number | "no answer", number>();
  const tookMs: number[] = [];
  const stopping = new AbortController();
  const agent = new Agent({ keepAlive: true });
  let inFlight = 0;
  let sent = 0;
  const secondTimes = new Set<Promise<void>>();

  async function send(callId: string, body: Buffer): Promise<void> {
    inFlight += 1;
    const startedAtMs = performance.now();
    const signature = createHmac("sha256", SECRET).update(body).digest("hex");
    let status: number | "no answer" = "no answer";
    try {
      status = await post({ url, agent, body, signature });
      tookMs.push(performance.now() - startedAtMs);
      if (status === 200) accepted.add(callId);
    } catch {
      // Refused, or cut off: whether it was stored is not known, so it is not counted as accepted.
    } finally {
      inFlight -= 1;
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  }

  function sendAgain(callId: string, body: Buffer): void {
    const again = delay(Math.random() * 2_000)
      .then(() => send(callId, body))
      .finally(() => secondTimes.delete(again));
    secondTimes.add(again);
  }

  async function run(): Promise<void> {
    const startedAtMs = performance.now();
    while (!stopping.signal.aborted) {
      const due = Math.floor(((performance.now() - startedAtMs) / 1000) * ratePerSecond);
      for (; sent < due && inFlight < MOST_IN_FLIGHT; sent += 1) {
        const callId = `${prefix}-${sent}`;
        const body = Buffer.from(JSON.stringify({ ...sampleCall(sent), call_id: callId }));
        void send(callId, body);
        if (Math.random() < SHARE_SENT_TWICE) sendAgain(callId, body);
      }
      sent = Math.max(sent, due - MOST_IN_FLIGHT);
      await delay(10);
    }
    while (inFlight > 0) await delay(10);
  }
  const running = run();

  return {
    accepted,
    statuses,
    tookMs,
    async stop() {
      stopping.abort();
      await running;
      await Promise.all(secondTimes);
      agent.destroy();
    },
  };
}

/** The status. By `node:http`, since `fetch` costs the machine that is measured three times as much. */
function post(options: { url: string; agent: Agent; body: Buffer; signature: string }): Promise<number> {
  const { url, agent, body, signature } = options;
  const headers = { "content-type": "application/json", "content-length": body.length, "x-voiceinfra-signature": signature };
  return new Promise((resolve, reject) => {
    const asked = request(url, { method: "POST", agent, headers, signal: AbortSignal.timeout(TIMEOUT_MS) }, (answer) => {
      answer.once("error", reject).once("end", () => resolve(answer.statusCode ?? 0));
      answer.resume();
    });
    asked.once("error", reject).end(body);
  });
}
