import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { connectors } from "../../connectors/index.ts";
import { post } from "../../src/commands/send.ts";
import { documentedCall } from "../support/documented-call.ts";
import { type PatchbayProcess, startPatchbay } from "../support/patchbay-process.ts";
import { settingsText } from "../support/settings-text.ts";

const SECRET = "stopping-secret-text";

/** Takes every connection and every request, and never answers: a vendor on its worst day. */
async function silentVendor() {
  const sockets = new Set<Socket>();
  const heard = Promise.withResolvers<void>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    // PostgreSQL's driver asks first whether there is TLS; the silence after that is what is tried.
    socket.on("data", () => heard.resolve());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, heard: heard.promise };
}

const WITH: Record<string, string> = {
  slack: "with: { channel: C0123456789 }",
};

async function settingsOf(name: string, port: number, folder: string): Promise<string> {
  const there = `127.0.0.1:${port}`;
  if (name === "PostgreSQL") return `connector: warehouse, url: "postgres://u:p@${there}/x"`;
  if (name === "ClickHouse") return `connector: warehouse, url: "clickhouse+http://u:p@${there}/x"`;
  const sandbox = (await connectors[name]?.sandbox())?.createSandbox();
  return `connector: ${name}, ${settingsText(sandbox?.settings({ url: `http://${there}`, folder }) ?? {})}`;
}

async function startWith(destination: string, more = ""): Promise<{ up: PatchbayProcess; url: string; folder: string }> {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-stopping-"));
  writeFileSync(join(folder, "routes.yaml"), destination);
  if (more !== "") writeFileSync(join(folder, "holding.ts"), more);
  const up = startPatchbay({ args: ["up", "--port", "0", "--ops-port", "0"], cwd: folder, env: { SECRET } });
  onTestFinished(async () => {
    await up.end("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });
  const { url } = (await up.logged("up")) as { url: string };
  return { up, url: `${url}/webhooks/voiceinfra`, folder };
}

const send = (url: string) => post({ url, secret: SECRET, body: Buffer.from(JSON.stringify(documentedCall())) });

async function ended(up: PatchbayProcess): Promise<number | null> {
  if (up.child.exitCode === null && up.child.signalCode === null) await once(up.child, "close");
  return up.child.exitCode;
}

describe("after a request that hung, `up` stops and is gone", () => {
  test.each(["hubspot", "salesforce", "slack", "teams", "discord", "webhook", "PostgreSQL"])("%s", async (name) => {
    const vendor = await silentVendor();
    const folder = tmpdir();
    const { up, url } = await startWith(`version: 1
own_numbers: ["+18005551234"]
sources: { voiceinfra: { secrets: ["\${SECRET}"] } }
destinations: { there: { ${await settingsOf(name, vendor.port, folder)}, timeout: 2s } }
routes: [{ id: to-there, to: there, ${WITH[name] ?? ""} }]
`);
    expect((await send(url)).status).toBe(200);
    await vendor.heard;
    up.child.kill("SIGTERM");
    await up.logged("stopped");
    expect(await ended(up)).toBe(0);
  });
});

const HOLDING = `
import { createServer } from "node:net";
import { type Connector, defineConnector, httpSettings, z } from "patchbay/connector";
/** Of somebody else: it closes nothing, and its close never ends. */
export default defineConnector({
  name: "holding", title: "Holding", keeps: "message", duplicates: "none",
  settings: z.strictObject({ ...httpSettings }), with: z.strictObject({}), batch: { maxCalls: 1, concurrency: 1 },
  async open() {
    createServer().listen(0);
    setInterval(() => undefined, 1_000);
    return {
      async send() {
        process.stderr.write(JSON.stringify({ msg: "holding sends" }) + "\\n");
        return new Promise(() => undefined);
      },
      close: () => new Promise(() => undefined),
    };
  },
  sandbox: async () => { throw new Error("none"); },
}) as unknown as Connector;
`;
const HOLDING_ROUTES = `version: 1
connectors: [./holding.ts]
sources: { voiceinfra: { secrets: ["\${SECRET}"] } }
destinations: { there: { connector: holding, timeout: 1s } }
routes: [{ id: to-there, to: there }]
`;

describe("somebody else's connector, which holds a socket and a timer and never closes", () => {
  test("does not hold the process after it has stopped", async () => {
    const { up, url } = await startWith(HOLDING_ROUTES, HOLDING);
    expect((await send(url)).status).toBe(200);
    await up.logged("holding sends");
    up.child.kill("SIGTERM");
    await up.logged("stopped");
    expect(await ended(up)).toBe(0);
  });

  test.each(["SIGTERM", "SIGINT"] as const)("a second signal (%s) ends it at once", async (second) => {
    const { up, url } = await startWith(HOLDING_ROUTES.replace("timeout: 1s", "timeout: 15s"), HOLDING);
    expect((await send(url)).status).toBe(200);
    await up.logged("holding sends");
    up.child.kill("SIGTERM");
    await up.logged("stopping: letting attempts end");
    up.child.kill(second);
    expect(await ended(up)).toBe(1);
    expect(up.output()).toContain("second signal");
    expect(up.output()).not.toContain('"stopped"');
  });
});
