import { onTestFinished } from "vitest";
import { slack } from "../../connectors/slack/index.ts";
import type { SlackWith } from "../../connectors/slack/mapping.ts";
import { createSandbox } from "../../connectors/slack/sandbox/index.ts";
import type { Delivery, Outcome, Receipt, Related, Sandbox, SharedCall } from "../../src/connector/index.ts";
import { serveSandbox } from "../../src/sandbox/serve.ts";
import { documentedCall } from "./documented-call.ts";

export const CHANNEL = "C0123456789";

/** A call with its own id, on its way to the sales channel. */
export function callTo(
  callId: string,
  options: { call?: Partial<SharedCall>; with?: Partial<SlackWith>; previous?: Receipt; related?: Related | undefined } = {},
): Delivery<SlackWith> {
  const call = documentedCall({ call_id: callId, end_time: new Date().toISOString(), ...options.call });
  return {
    key: `${call.source}/${callId}/sales-channel`,
    call,
    with: { channel: CHANNEL, ...options.with },
    previous: options.previous,
    sinceAcceptedMs: 0,
    related: options.related,
  };
}

type Fault = (method: string, form: URLSearchParams, carryOut: () => Promise<Response>) => Response | Promise<Response> | undefined;

/** One workspace, and as many processes on it as `open` is called; `fault` may answer in its place. */
export async function startWorkspace(options: { fault?: Fault } = {}) {
  const sandbox: Sandbox = createSandbox({ limits: false });
  const called: string[] = [];
  const carryOut = async (request: Request) => (await sandbox.fetch?.(request)) ?? Response.error();
  const served = await serveSandbox({
    sandbox: {
      ...sandbox,
      async fetch(request) {
        const method = new URL(request.url).pathname.replace("/api/", "");
        called.push(method);
        const body = await request.text();
        const again = () => carryOut(new Request(request.url, { method: request.method, headers: request.headers, body }));
        return (await options.fault?.(method, new URLSearchParams(body), again)) ?? again();
      },
    },
  });
  onTestFinished(() => served.close());

  async function open() {
    const settings = slack.settings.parse(sandbox.settings({ url: served.url, folder: "" }));
    const destination = await slack.open({ settings, timezone: "Europe/Berlin", timeoutMs: 2_000 });
    const signal = () => AbortSignal.timeout(5_000);
    const send = async (delivery: Delivery<SlackWith>): Promise<Outcome> =>
      (await destination.send([delivery], { signal: signal() }))[0] as Outcome;
    return {
      destination,
      send,
      async receipt(delivery: Delivery<SlackWith>): Promise<Receipt> {
        const outcome = await send(delivery);
        if (outcome.kind !== "delivered") throw new Error(`not delivered: ${JSON.stringify(outcome)}`);
        return outcome.receipt;
      },
      find: async (delivery: Delivery<SlackWith>) => destination.find?.(delivery, { signal: signal() }),
      read: async (receipt: Receipt) => destination.read?.({ key: "", receipt }, { signal: signal() }),
      erase: async (receipt: Receipt) => destination.erase?.({ key: "", receipt }, { signal: signal() }),
    };
  }
  const bodies = async () => (await sandbox.records()).map(({ body }) => body as Record<string, unknown> & { thread?: string; ts: string });
  return { open, bodies, called, records: () => sandbox.records() };
}
