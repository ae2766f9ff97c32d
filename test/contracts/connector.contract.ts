import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  type Connector,
  type Delivery,
  type OpenDestination,
  OpenError,
  type Outcome,
  type SharedCall,
} from "../../src/connector/index.ts";
import { serveSandbox } from "../../src/sandbox/serve.ts";
import { closedPort } from "../support/ports.ts";

type AnyWith = Record<string, unknown>;

const NUMBER = "+14155550177";
const TRANSCRIPT = "Agent: hello. Caller: the word is marzipan.";
const TIMEOUT_MS = 5_000;

function callOf(callId: string, more: Partial<SharedCall> = {}): SharedCall {
  return {
    call_id: callId,
    agent_id: "agent_1",
    duration_seconds: 61,
    start_time: "2026-01-15T14:23:00Z",
    end_time: "2026-01-15T14:24:01Z",
    call_outcome: "answered",
    source: "voiceinfra",
    agent: "sales",
    agent_name: "Sales line",
    agent_owner: "",
    direction: "inbound",
    test: false,
    ...more,
  };
}

const shared: Partial<SharedCall> = { from_number: NUMBER, to_number: "+18005551234", customer_number: NUMBER, summary: "First words" };

/** The promises of `src/connector/index.ts`: each connector keeps them against its sandbox. */
export async function describeConnector(connector: Connector): Promise<void> {
  const { accounts } = await connector.sandbox();
  for (const account of accounts ?? [undefined]) await describeAt(connector, account);
}

/** The same promises at each kind of account that its sandbox can be. */
async function describeAt(connector: Connector, account: string | undefined): Promise<void> {
  const sandboxes = await connector.sandbox();
  const createSandbox = () => sandboxes.createSandbox({ limits: false, ...(account === undefined ? {} : { account }) });
  const sample = createSandbox();
  const isHttp = sample.fetch !== undefined;

  describe(`the connector ${connector.name}${account === undefined ? "" : ` at an account of the kind ${account}`}`, () => {
    function deliveryOf(callId: string, more: Partial<SharedCall> = shared, previous?: Delivery<AnyWith>["previous"]): Delivery<AnyWith> {
      const suffix = connector.keeps === "message" ? "/route" : "";
      return {
        key: `voiceinfra/${callId}${suffix}`,
        call: callOf(callId, more),
        with: connector.with.parse(sample.example) as AnyWith,
        previous,
        sinceAcceptedMs: 0,
        related: undefined,
      };
    }

    /** `meets`: answers a request instead of the sandbox. */
    async function start(
      change: (settings: Record<string, string>, url: string) => void = () => undefined,
      meets: (request: Request) => Response | undefined = () => undefined,
    ) {
      const folder = mkdtempSync(join(tmpdir(), "patchbay-connector-"));
      const sandbox = createSandbox();
      const { fetch } = sandbox;
      const served = await serveSandbox({
        sandbox: { ...sandbox, ...(fetch && { fetch: (request) => meets(request) ?? fetch(request) }) },
      });
      onTestFinished(async () => {
        await served.close();
        rmSync(folder, { recursive: true, force: true });
      });
      const settings = sandbox.settings({ url: served.url, folder });
      const how = (written: Record<string, string>) => ({
        settings: connector.settings.parse(written),
        timezone: "UTC",
        timeoutMs: TIMEOUT_MS,
      });
      await connector.setup?.(how(settings));
      change(settings, served.url);
      const open = async (): Promise<OpenDestination<AnyWith>> => {
        const one = await connector.open(how(settings));
        onTestFinished(() => one.close());
        return one;
      };
      return { sandbox, settings, open };
    }

    /** The settings that lead to the sandbox lead somewhere else. */
    const ledTo = (address: string) => (settings: Record<string, string>, url: string) => {
      for (const [key, text] of Object.entries(settings)) settings[key] = text.replace(url, address);
    };

    const send = (destination: OpenDestination<AnyWith>, ...deliveries: Delivery<AnyWith>[]) =>
      destination.send(deliveries, { signal: AbortSignal.timeout(TIMEOUT_MS) });

    /** As the core sends a call again of which an earlier attempt's end is unknown: after the waits that the connector asks for. */
    async function sendAgain(destination: OpenDestination<AnyWith>, delivery: Delivery<AnyWith>): Promise<Outcome[]> {
      for (let { sinceAcceptedMs } = delivery, tries = 1; ; tries += 1) {
        const outcomes = await send(destination, { ...delivery, sinceAcceptedMs, unclear: true });
        const [outcome] = outcomes;
        if (outcome?.kind !== "retry" || outcome.retryAfterMs === undefined || tries === 5) return outcomes;
        sinceAcceptedMs += outcome.retryAfterMs;
      }
    }

    async function receiptOf(sending: Promise<Outcome[]>) {
      const [outcome] = await sending;
      if (outcome?.kind !== "delivered") throw new Error(`expected delivered, got ${JSON.stringify(outcome)}`);
      return outcome.receipt;
    }

    /** What a delivery gets of a destination that may fail already when it is opened. */
    async function outcomeOf(open: () => Promise<OpenDestination<AnyWith>>): Promise<Outcome | undefined> {
      try {
        const destination = await open();
        return (await send(destination, deliveryOf("a")))[0];
      } catch (error) {
        if (error instanceof OpenError) return error.outcome;
        const { outcomeOfNetworkError } = await import("../../src/connector/index.ts");
        return outcomeOfNetworkError(error);
      }
    }

    /** What a connector does not have is not skipped: it is no promise of its. */
    function testIf(applies: boolean, name: string, run: () => Promise<void>): void {
      if (applies) test(name, run);
    }

    test("writes a call under its delivery's key, and gives a receipt that names the record", async () => {
      const { sandbox, open } = await start();
      const receipt = await receiptOf(send(await open(), deliveryOf("a")));
      const records = await sandbox.records();
      expect(records.map(({ key, id }) => ({ key, id }))).toEqual([{ key: deliveryOf("a").key, id: receipt.id }]);
      expect(records[0]?.line.length).toBeGreaterThan(5);
    });

    test("erases what a delivery left, where the API can, and does not mind that it is gone already", async () => {
      const { sandbox, open } = await start();
      const destination = await open();
      // What a connector does not have is no promise of its.
      if (!destination.erase) return;
      const [kept, left] = [deliveryOf("kept"), deliveryOf("left")];
      await receiptOf(send(destination, kept));
      const receipt = await receiptOf(send(destination, left));
      const erase = () => destination.erase?.({ key: left.key, receipt }, { signal: AbortSignal.timeout(TIMEOUT_MS) });
      expect(await erase()).toBe(true);
      expect((await sandbox.records()).map(({ key }) => key)).toEqual([kept.key]);
      expect(typeof (await erase())).toBe("boolean");
    });

    test("answers for each of a full batch, in order, with a record each", async () => {
      const { sandbox, open } = await start();
      const deliveries = Array.from({ length: connector.batch.maxCalls }, (_, index) => deliveryOf(`call-${index}`));
      const outcomes = await send(await open(), ...deliveries);
      expect(outcomes.map(({ kind }) => kind)).toEqual(deliveries.map(() => "delivered"));
      const idOf = new Map((await sandbox.records()).map(({ key, id }) => [key, id]));
      expect(outcomes.map((outcome) => outcome.kind === "delivered" && outcome.receipt.id)).toEqual(
        deliveries.map(({ key }) => idOf.get(key)),
      );
    });

    /** A message that cannot be edited stands as it was first written. */
    const changes = connector.keeps === "record" || connector.edits === true;
    testIf(!changes, "a changed call writes no second message where the first cannot be edited, and says so", async () => {
      const { sandbox, open } = await start();
      const destination = await open();
      const first = await receiptOf(send(destination, deliveryOf("a")));
      const [outcome] = await send(destination, deliveryOf("a", { ...shared, summary: "Later words" }, first));
      expect(outcome).toMatchObject({ kind: "skipped", reason: expect.stringMatching(/\w{5,}/) });
      expect(await sandbox.records()).toHaveLength(1);
    });

    testIf(changes, "a changed call updates the record that its receipt names: there is one", async () => {
      const { sandbox, open } = await start();
      const destination = await open();
      const first = await receiptOf(send(destination, deliveryOf("a")));
      const second = await receiptOf(send(destination, deliveryOf("a", { ...shared, summary: "Later words" }, first)));
      expect(second.id).toBe(first.id);
      const records = await sandbox.records();
      expect(records).toHaveLength(1);
      expect(JSON.stringify(records[0]?.body)).toContain("Later words");
    });

    testIf(changes, "what an earlier version brought is not blanked by one that lacks it", async () => {
      const { sandbox, open } = await start();
      const destination = await open();
      const first = await receiptOf(send(destination, deliveryOf("a")));
      const { summary: _, ...without } = shared;
      await receiptOf(send(destination, deliveryOf("a", { ...without, duration_seconds: 75 }, first)));
      const [record] = await sandbox.records();
      // A message is what it says now; a record keeps what it was told.
      if (connector.keeps === "record") expect(JSON.stringify(record?.body)).toContain("First words");
    });

    testIf(
      connector.duplicates === "native-key",
      "the same call again without a receipt, as after a lost answer, makes no second record",
      async () => {
        const { sandbox, open } = await start();
        const first = await receiptOf(send(await open(), deliveryOf("a")));
        const second = await receiptOf(sendAgain(await open(), deliveryOf("a")));
        expect(second.id).toBe(first.id);
        expect(await sandbox.records()).toHaveLength(1);
      },
    );

    testIf(
      connector.duplicates === "find",
      "finds what an attempt without an answer has left, and nothing where there is nothing",
      async () => {
        const { open } = await start();
        const destination = await open();
        const receipt = await receiptOf(send(destination, deliveryOf("a")));
        const signal = AbortSignal.timeout(TIMEOUT_MS);
        expect((await destination.find?.(deliveryOf("a"), { signal }))?.id).toBe(receipt.id);
        expect(await destination.find?.(deliveryOf("b"), { signal })).toBeUndefined();
      },
    );

    test("sends a call of which nothing may be shared, and nothing of what is withheld", async () => {
      const { sandbox, open } = await start();
      await receiptOf(send(await open(), deliveryOf("a", {})));
      const written = JSON.stringify(await sandbox.records());
      expect(written).not.toContain(NUMBER.slice(2));
      expect(written).not.toContain("marzipan");
    });

    test("takes text of every kind, and text of great length", async () => {
      const { open } = await start();
      const destination = await open();
      const odd = "größe 漢字 שלום 🙂 <b>&amp;</b> =cmd|'/c calc'!A1 @channel <!everyone> \u0000 \u202e \ud800";
      for (const summary of [odd, "x".repeat(200_000), `${"🙂".repeat(40_000)}`]) {
        const callId = `odd-${summary.length}`;
        await receiptOf(
          send(destination, deliveryOf(callId, { ...shared, summary, transcript: summary, metadata: { deep: { er: [odd] } } })),
        );
      }
    });

    testIf(sample.wrong !== undefined, "a wrong credential is `needs-fix`, and says what to do without showing it", async () => {
      const { open } = await start((settings) => {
        Object.assign(settings, sample.wrong);
      });
      const outcome = await outcomeOf(open);
      expect(outcome).toMatchObject({ kind: "needs-fix", fix: expect.stringMatching(/\w{3,}/) });
      expect(inspect(outcome)).not.toContain("wrong-credential");
    });

    testIf(isHttp, "an address at which nobody listens is `retry`, destination down", async () => {
      const port = await closedPort();
      const { open } = await start(ledTo(`http://127.0.0.1:${port}`));
      expect(await outcomeOf(open)).toMatchObject({ kind: "retry", because: "down" });
    });

    const redirects = [301, 302, 303, 307, 308];
    for (const from of ["the first request", "the request that writes"]) {
      testIf(isHttp, `sends nothing to another host that an answer leads to, from ${from} on, and loses nothing`, async () => {
        const came: string[] = [];
        const other = createServer((request, response) => {
          came.push(`${request.method} ${request.url}`);
          response.writeHead(200, { "content-type": "application/json" }).end("{}");
        });
        await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
        onTestFinished(() => {
          other.closeAllConnections();
          other.close();
        });
        const { port } = other.address() as AddressInfo;
        for (const status of redirects) {
          let leads = false;
          const { sandbox, open } = await start(undefined, (request) => {
            const { pathname, search } = new URL(request.url);
            if (from === "the request that writes") leads ||= sample.writes?.({ method: request.method, path: pathname }) === true;
            if (!leads) return undefined;
            return new Response(null, { status, headers: { location: `http://localhost:${port}${pathname}${search}` } });
          });
          leads = from === "the first request";
          const outcome = await outcomeOf(open);
          expect([status, outcome?.kind]).not.toEqual([status, "delivered"]);
          expect([status, outcome?.kind]).not.toEqual([status, "rejected"]);
          expect([status, await sandbox.records()]).toEqual([status, []]);
        }
        expect(came).toEqual([]);
      });
    }

    testIf(isHttp, "a server that answers 500 with a page of HTML is no success, and its page goes nowhere", async () => {
      const server = createServer((_, response) => response.writeHead(500, { "content-type": "text/html" }).end(`<h1>${TRANSCRIPT}</h1>`));
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      onTestFinished(() => {
        server.closeAllConnections();
        server.close();
      });
      const { open } = await start(ledTo(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
      const outcome = await outcomeOf(open);
      expect(["retry", "ambiguous", "needs-fix"]).toContain(outcome?.kind);
      expect(inspect(outcome)).not.toContain("marzipan");
    });

    test("its settings cannot print their secrets", async () => {
      const { settings } = await start();
      const parsed = connector.settings.parse(settings);
      const secrets = Object.entries(settings).filter(([key]) => /token|secret|password|key/i.test(key));
      for (const [, text] of secrets) expect(inspect(parsed, { depth: 9 }) + JSON.stringify(parsed)).not.toContain(text);
    });

    test("closing twice is closing once", async () => {
      const { open } = await start();
      const destination = await open();
      await receiptOf(send(destination, deliveryOf("a")));
      await destination.close();
      await destination.close();
    });
  });
}
