import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { runPatchbay, startPatchbay } from "../support/patchbay-process.ts";
import { loopbackAddresses } from "../support/ports.ts";

const folder = mkdtempSync(join(tmpdir(), "patchbay-options-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
writeFileSync(
  join(folder, "routes.yaml"),
  `version: 1\nsources: { voiceinfra: { allow_unsigned: true } }\ndestinations: { there: { connector: archive, url: "file:archive" } }\nroutes: [{ id: keep, to: there }]\n`,
);

/** Takes a port of 127.0.0.1, unless somebody has it. */
async function take(port: number): Promise<number> {
  const server = createServer().listen(port, "127.0.0.1");
  onTestFinished(() => void server.close());
  const error = await Promise.race([once(server, "listening").then(() => undefined), once(server, "error").then(([one]) => one)]);
  if (error) return port;
  return (server.address() as { port: number }).port;
}

let logs = 0;
function start(role: string, args: string[], env: Record<string, string> = {}) {
  logs += 1;
  const engines = ["--log", `sqlite:log-${logs}.db`, ...(role === "up" ? ["--ledger", `sqlite:ledger-${logs}.db`] : [])];
  const one = startPatchbay({ args: [role, "--port", "0", ...engines, ...args], env, cwd: folder });
  onTestFinished(() => void one.end("SIGKILL"));
  return one;
}

const textOf = async (url: string) => (await fetch(url)).text();

describe("the ops port", () => {
  test("of an ingress serves its figures and its process', on this machine alone", async () => {
    const { url, ops } = await start("ingress", ["--ops-port", "0"]).logged("ingress listens");
    expect(ops).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    await fetch(`${url}/webhooks/voiceinfra`, { method: "POST", body: "{" });
    const metrics = await textOf(`${ops}/metrics`);
    expect(metrics).toContain('patchbay_ingress_requests_total{source="voiceinfra",code="not_json"} 1');
    expect(metrics.match(/^process_cpu_seconds_total /gm)).toHaveLength(1);
    expect(metrics).toMatch(/^patchbay_log_lines_dropped_total 0$/m);
  });

  test("of `up` serves those of the ingress beside those of the routes, once each", async () => {
    const { url, ops } = await start("up", ["--ops-port", "0"]).logged("up");
    expect((await fetch(`${url}/metrics`)).status).toBe(404);
    const metrics = await textOf(`${ops}/metrics`);
    for (const name of ["patchbay_ingress_in_flight", "patchbay_worker_routes", "process_cpu_seconds_total"])
      expect(metrics.match(new RegExp(`^${name} `, "gm"))).toHaveLength(1);
    const families = metrics.match(/^# TYPE (\S+)/gm) ?? [];
    expect(new Set(families).size).toBe(families.length);
  });

  test("of an ingress beside a connector is another one when nobody named it", async () => {
    await take(9090);
    const { ops } = await start("ingress", []).logged("ingress listens");
    expect(await textOf(`${ops}/healthz`)).toBe('{"status":"ok"}');
    expect(ops).not.toMatch(/:9090$/);
  });

  test("that somebody named and another program has is refused", async () => {
    const port = await take(0);
    for (const how of [
      { args: ["--ops-port", String(port)], env: {} },
      { args: [], env: { PATCHBAY_OPS_PORT: String(port) } },
    ]) {
      const { code, stderr } = await runPatchbay({ args: ["ingress", "--port", "0", ...how.args], env: how.env as never, cwd: folder });
      expect(code).toBe(2);
      expect(stderr).toContain(`port ${port} is taken`);
    }
  });

  test.each(loopbackAddresses)("listens on the address that is named, here %s, and with `all` on every one", async (address) => {
    const shown = address === "::1" ? "[::1]" : address;
    const { ops: all } = await start("ingress", ["--ops-port", "0", "--ops-host", "all"]).logged("ingress listens");
    expect((await fetch(`${String(all).replace("127.0.0.1", shown)}/healthz`)).status).toBe(200);
    const { ops } = await start("ingress", ["--ops-port", "0"], { PATCHBAY_OPS_HOST: address }).logged("ingress listens");
    expect(new URL(String(ops)).hostname).toBe(shown);
    expect((await fetch(`${ops}/healthz`)).status).toBe(200);
  });
});

describe("an option that cannot be read ends the process with exit code 2 and says what it may be", () => {
  test.each<[string, string[], Record<string, string>, RegExp]>([
    ["an address of another machine", ["--host", "192.0.2.1"], {}, /"192\.0\.2\.1" is no address of this machine[\s\S]*PATCHBAY_HOST/],
    ["one for the ops port", ["--ops-host", "192.0.2.1"], {}, /"192\.0\.2\.1" is no address of this machine[\s\S]*--ops-host/],
    ["a proxy by name", [], { PATCHBAY_TRUSTED_PROXIES: "10.0.0.0/8, my-proxy" }, /"my-proxy" is neither an address nor a network/],
    ["a quota in words", [], { PATCHBAY_SOURCE_QUOTA: "plenty" }, /PATCHBAY_SOURCE_QUOTA cannot be "plenty"[\s\S]*10GB/],
  ])("%s", async (_, args, env, says) => {
    const { code, stderr } = await runPatchbay({ args: ["ingress", "--port", "0", "--ops-port", "0", ...args], env, cwd: folder });
    expect(stderr).toMatch(says);
    expect(code).toBe(2);
  });
});
