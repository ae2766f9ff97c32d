/** What a process does in a container: it waits rather than end, says that it leaves before its port closes, and is asked by bin/health.sh. */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { globSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { setting } from "../../src/commands/environment.ts";
import { post } from "../../src/commands/send.ts";
import { testIngress } from "../ingress/support.ts";
import { documentedCall } from "../support/documented-call.ts";
import { type PatchbayProcess, runPatchbay, startPatchbay } from "../support/patchbay-process.ts";
import { closedPort } from "../support/ports.ts";

const HEALTH = resolve(import.meta.dirname, "../../bin/health.sh");
const SECRET = "containers-secret-text";
const PORTS = ["--port", "0", "--ops-port", "0"];

const routesText = (routes = "", secret = "${SECRET}") => `version: 1
sources: { voiceinfra: { secrets: ["${secret}"] } }
destinations: { store: { connector: archive, url: "file:\${FOLDER}" } }
routes: [${routes}]
`;
const TO_STORE = "{ id: keep, to: store }";

function makeFolder(routes?: string): string {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-containers-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  if (routes !== undefined) writeFileSync(join(folder, "routes.yaml"), routes);
  return folder;
}

function start(cwd: string, args: string[], env: Record<string, string> = {}): PatchbayProcess {
  const started = startPatchbay({ args, cwd, env: { SECRET, FOLDER: "out", ...env } });
  onTestFinished(async () => void (await started.end("SIGKILL")));
  return started;
}

/** As editors, `sed -i` and `git pull` do. */
function putInPlace(folder: string, text: string): void {
  writeFileSync(join(folder, "routes.yaml.new"), text);
  renameSync(join(folder, "routes.yaml.new"), join(folder, "routes.yaml"));
}

describe("connector --wait", () => {
  const NOTHING = "no route leads to archive: waiting until an edit of the routes file adds one";

  test("runs without a route, in health, until an edit adds one; without --wait it ends with 2", async () => {
    const folder = makeFolder(routesText());
    expect(await runPatchbay({ args: ["connector", "archive"], cwd: folder, env: { SECRET, FOLDER: "out" } })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("no route in routes.yaml leads to archive"),
    });
    const connector = start(folder, ["connector", "archive", "--wait", "--ops-port", "0"]);
    const { ops } = (await connector.logged(NOTHING)) as { ops: string };
    expect((await fetch(`${ops}/healthz`)).status).toBe(200);
    putInPlace(folder, routesText(TO_STORE));
    expect(await connector.logged("the routes file was edited, and is in use")).toMatchObject({ routes: ["keep"] });
    expect(await connector.end()).toBe(0);
  });

  test("says once what is missing, and starts when it is there", async () => {
    const folder = makeFolder(routesText(TO_STORE).replace("${FOLDER}", "${file:folder.txt}"));
    const connector = start(folder, ["connector", "archive", "--wait", "--ops-port", "0"]);
    const { problem } = (await connector.logged("cannot start yet: waiting until this is corrected")) as { problem: string };
    expect(problem).toMatch(/the file folder\.txt cannot be read: it does not exist/);
    writeFileSync(join(folder, "folder.txt"), "out\n");
    await connector.logged("connector runs");
    expect(connector.output().match(/cannot start yet/g)).toHaveLength(1);
    expect(await connector.end()).toBe(0);
  });

  test("ends on a connector that there is not", async () => {
    const given = { args: ["connector", "archiv", "--wait"], cwd: makeFolder(routesText()), env: { SECRET, FOLDER: "out" } };
    expect(await runPatchbay(given)).toMatchObject({ code: 2, stderr: expect.stringContaining('there is no connector "archiv"') });
  });

  test("ends with 3 where a service is away: who supervises it starts it again", async () => {
    const PATCHBAY_LOG = `kafka://127.0.0.1:${await closedPort()}`;
    const given = { args: ["connector", "archive", "--wait"], cwd: makeFolder(routesText()), env: { SECRET, FOLDER: "out", PATCHBAY_LOG } };
    expect(await runPatchbay(given)).toMatchObject({ code: 3 });
  });
});

describe.each([
  ["ingress", "ingress listens"],
  ["up", "up"],
])("%s --wait", (role, runs) => {
  test("waits for a routes file that is not there, and for one that can be used", async () => {
    const folder = makeFolder();
    const started = start(folder, [role, "--wait", ...PORTS]);
    expect(await started.logged("cannot start yet: waiting until this is corrected")).toMatchObject({
      problem: "there is no file routes.yaml",
    });
    putInPlace(folder, routesText(TO_STORE, "${NOT_SET}"));
    expect(await started.logged("cannot start yet: waiting until this is corrected")).toMatchObject({
      problem: expect.stringContaining("the variable NOT_SET is not set"),
    });
    putInPlace(folder, routesText(TO_STORE));
    await started.logged(runs);
    expect(await started.end()).toBe(0);
  });

  test("ends at a signal while it waits", async () => {
    const started = start(makeFolder(), [role, "--wait", ...PORTS]);
    await started.logged("cannot start yet: waiting until this is corrected");
    expect(await started.end()).toBe(0);
  });
});

describe("calls that come while a variable of a destination is missing", () => {
  const routes = routesText(TO_STORE).replace("${FOLDER}", "${file:folder.txt}");
  const body = Buffer.from(JSON.stringify({ ...documentedCall(), call_id: "call_early" }));

  test("are taken by up --wait, and delivered once it is there", async () => {
    const folder = makeFolder(routes);
    const up = start(folder, ["up", "--wait", ...PORTS]);
    const { url } = (await up.logged("ingress listens; calls wait in the log until the routes can start")) as { url: string };
    const answer = await post({ url: `${url}/webhooks/voiceinfra`, secret: SECRET, body });
    expect(answer.status).toBe(200);
    writeFileSync(join(folder, "folder.txt"), "out\n");
    expect(await up.logged("up")).toMatchObject({ url });
    await expect.poll(() => globSync("out/**/call_early.json", { cwd: folder })).toHaveLength(1);
    expect(await up.end()).toBe(0);
  });

  test("are a waiting connector's too", async () => {
    const folder = makeFolder(routes);
    const connector = start(folder, ["connector", "archive", "--wait", "--ops-port", "0"]);
    await connector.logged("cannot start yet: waiting until this is corrected");
    await connector.logged("calls from now on wait in the log until its routes can start");
    const ingress = start(folder, ["ingress", ...PORTS]);
    const { url } = (await ingress.logged("ingress listens")) as { url: string };
    expect((await post({ url: `${url}/webhooks/voiceinfra`, secret: SECRET, body })).status).toBe(200);
    writeFileSync(join(folder, "folder.txt"), "out\n");
    await connector.logged("connector runs");
    await expect.poll(() => globSync("out/**/call_early.json", { cwd: folder })).toHaveLength(1);
  });
});

test("an ingress starts without the variables of destinations", async () => {
  const folder = makeFolder(routesText(TO_STORE));
  const started = startPatchbay({ args: ["ingress", ...PORTS], cwd: folder, env: { SECRET } });
  onTestFinished(async () => void (await started.end("SIGKILL")));
  await started.logged("ingress listens");
  expect(await started.end()).toBe(0);
});

describe("PATCHBAY_CLOSE_AFTER", () => {
  test("/readyz says 503 first, while calls are still taken; then the port closes", async () => {
    const { ingress, url, post: send, stored } = await testIngress({ closeAfterMs: 60_000 });
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    const stopped = ingress.stop({ graceMs: 2_000 });
    expect((await fetch(`${url}/readyz`)).status).toBe(503);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    const taken = await send();
    expect({ status: taken.status, connection: taken.headers.get("connection") }).toEqual({ status: 200, connection: "close" });
    expect(await stored()).toHaveLength(1);
    await stopped;
    await expect(fetch(`${url}/readyz`)).rejects.toThrow("fetch failed");
  });

  test.each(["ingress", "up"])("a SIGTERM of `%s` takes calls for as long as it says", async (role) => {
    const folder = makeFolder(routesText(TO_STORE));
    const started = start(folder, [role, ...PORTS], { PATCHBAY_CLOSE_AFTER: "10s" });
    const { url } = (await started.logged(role === "up" ? "up" : "ingress listens")) as { url: string };
    started.child.kill("SIGTERM");
    await started.logged("stopping: letting attempts end");
    await expect.poll(async () => (await fetch(`${url}/readyz`)).status).toBe(503);
    const body = Buffer.from(JSON.stringify(documentedCall()));
    expect((await post({ url: `${url}/webhooks/voiceinfra`, secret: SECRET, body })).status).toBe(200);
    started.child.kill("SIGTERM");
    await once(started.child, "close");
  });

  test("is a time", async () => {
    expect(setting({ PATCHBAY_CLOSE_AFTER: " 5s " }, "PATCHBAY_CLOSE_AFTER")).toBe(5_000);
    const given = { args: ["ingress", ...PORTS], cwd: makeFolder(routesText()), env: { SECRET, PATCHBAY_CLOSE_AFTER: "5" } };
    expect(await runPatchbay(given)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/PATCHBAY_CLOSE_AFTER cannot be "5".*such as 5s/),
    });
  });
});

describe("bin/health.sh", () => {
  const health = (port: number, ...more: string[]) =>
    new Promise<number>((done) => {
      execFile(HEALTH, [String(port), ...more], (error) => done(error === null ? 0 : Number(error.code)));
    });

  async function server(listener: RequestListener): Promise<number> {
    const started = createServer(listener).listen(0, "127.0.0.1");
    await once(started, "listening");
    onTestFinished(() => void started.close());
    return (started.address() as AddressInfo).port;
  }

  test("ends with 0 at 200 and with 1 at any other answer, of /healthz or the path that is given", async () => {
    const port = await server((request, response) => response.writeHead(request.url === "/healthz" ? 200 : 503).end("200"));
    expect([await health(port), await health(port, "/healthz"), await health(port, "/readyz")]).toEqual([0, 0, 1]);
  });

  test("ends with 1 where nothing listens, and where nothing answers", async () => {
    expect(await health(await closedPort())).toBe(1);
    const silent = createTcpServer(() => undefined).listen(0, "127.0.0.1");
    await once(silent, "listening");
    onTestFinished(() => void silent.close());
    expect(await health((silent.address() as AddressInfo).port)).toBe(1);
  });

  test("asks our own ingress and workers", async () => {
    const { ingress, opsUrl } = await testIngress();
    expect([await health(ingress.port, "/readyz"), await health(Number(new URL(opsUrl).port))]).toEqual([0, 0]);
  });
});
