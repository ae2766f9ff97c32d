import { describe, expect, onTestFinished, test } from "vitest";
import { hubspot } from "../connectors/hubspot/index.ts";
import { createSandbox as createHubSpot } from "../connectors/hubspot/sandbox.ts";
import { salesforce } from "../connectors/salesforce/index.ts";
import { createSandbox as createSalesforce } from "../connectors/salesforce/sandbox.ts";
import { slack } from "../connectors/slack/index.ts";
import { createSandbox as createSlack } from "../connectors/slack/sandbox.ts";
import type { Connector, Outcome, Sandbox } from "../src/connector.ts";
import { createSender } from "../src/delivery/sender.ts";
import { systemClock } from "../src/lib/clock.ts";
import { documentedCall } from "./support/documented-call.ts";
import { FAULTS, type Fault, startFaultProxy } from "./support/fault-proxy.ts";

const TIMEOUT_MS = 700;
const CONNECTORS: {
  connector: Connector;
  sandbox(): Sandbox;
  key: string;
  with: Record<string, unknown>;
  /** The request that writes. */
  hits(request: { method: string; path: string }): boolean;
}[] = [
  {
    connector: hubspot as unknown as Connector,
    sandbox: () => createHubSpot({ limits: false }),
    key: "voiceinfra/call_01HXYZ123456",
    with: {},
    hits: ({ path }) => path.endsWith("/calls/batch/upsert"),
  },
  {
    connector: salesforce as unknown as Connector,
    sandbox: () => createSalesforce({ limits: false }),
    key: "voiceinfra/call_01HXYZ123456",
    with: salesforce.with.parse({}),
    hits: ({ method, path }) => method === "PATCH" && path.includes("/composite/sobjects/Task/"),
  },
  {
    connector: slack as unknown as Connector,
    sandbox: () => createSlack({ limits: false }),
    key: "voiceinfra/call_01HXYZ123456/to-slack",
    with: { channel: "C0123456789" },
    hits: ({ path }) => path.endsWith("/chat.postMessage"),
  },
];

/** What a destination does below its API: the answer is unclear, the record may be there, and there must be one of it in the end. */
describe.each(CONNECTORS)("$connector.title", ({ connector, sandbox: make, key, with: rendered, hits }) => {
  async function setUp() {
    const sandbox = make();
    const proxy = await startFaultProxy({ sandbox, hits, lateMs: TIMEOUT_MS * 2 });
    const settings = connector.settings.parse(sandbox.settings({ url: proxy.url, folder: "" }));
    const open = await connector.open({ settings, timezone: "UTC", timeoutMs: TIMEOUT_MS });
    onTestFinished(async () => {
      await open.close();
      await proxy.close();
      await sandbox.close?.();
    });
    const sender = createSender({
      connector,
      handle: { get: async () => ({ open }), reopen: () => undefined, close: async () => undefined },
      timeoutMs: TIMEOUT_MS,
      limiter: undefined,
      pacer: { place: async () => 0 },
      clock: systemClock,
    });
    const delivery = { key, call: documentedCall(), with: rendered, previous: undefined, sinceAcceptedMs: 0, related: undefined };
    const send = async (previous?: { id: string }): Promise<Outcome> => {
      const outcome = await sender.send({ delivery: { ...delivery, previous }, alone: false, mayGo: () => true });
      if (!outcome) throw new Error("it was not sent");
      return outcome;
    };
    return { sandbox, proxy, send, find: () => sender.find(delivery) };
  }

  test.each(FAULTS)(
    "%s: the attempt ends in time as unclear, says nothing of the answer, and tried again makes one record",
    async (fault: Fault) => {
      const { sandbox, proxy, send, find } = await setUp();
      proxy.next(fault);
      const startedAtMs = performance.now();
      const outcome = await send();
      expect(performance.now() - startedAtMs).toBeLessThan(TIMEOUT_MS + 2_000);
      expect(proxy.carriedOut()).toBe(fault.endsWith("has done nothing") ? 0 : 1);
      // Never delivered without a receipt that was read, never given up: nobody knows what is there.
      expect(["ambiguous", "retry"]).toContain(outcome.kind);
      if (outcome.kind === "retry") expect(outcome.because).not.toBe("rate-limit");
      // With a native key it may simply be tried again; else it has to be looked for first.
      if (proxy.carriedOut() > 0 && connector.duplicates !== "native-key") expect(outcome.kind).toBe("ambiguous");
      expect(JSON.stringify(outcome)).not.toMatch(/4155550100|log in|hello/);

      const found = outcome.kind === "ambiguous" && connector.duplicates === "find" ? await find() : undefined;
      expect((await send(found)).kind).toBe("delivered");
      expect((await sandbox.records()).map((record) => record.key)).toEqual([key]);
    },
  );
});
