import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { type DeliveriesOptions, deliveriesCommand } from "../../src/commands/deliveries.ts";
import { lagCommand } from "../../src/commands/lag.ts";
import { pauseCommand, resumeCommand } from "../../src/commands/pause.ts";
import { post } from "../../src/commands/send.ts";
import { documentedCall } from "../support/documented-call.ts";
import { startPatchbay } from "../support/patchbay-process.ts";

const SECRET = "deliveries-command-secret";
const folder = mkdtempSync(join(tmpdir(), "patchbay-deliveries-"));
/** A destination: 503 while it is away. */
let away = true;
const server = createServer((request, response) => {
  request.resume().on("end", () => response.writeHead(away ? 503 : 200).end("{}"));
});
const file = join(folder, "routes.yaml");
const engines = { routes: file, log: `sqlite:${folder}/data/patchbay.db`, ledger: `sqlite:${folder}/data/ledger.db` };

/** What a command prints, in this process: each start of one takes seconds on a busy machine. */
async function said(command: () => Promise<number>): Promise<{ code: number; stdout: string; stderr: string }> {
  const log = vi.spyOn(console, "log").mockImplementation(() => undefined);
  const error = vi.spyOn(console, "error").mockImplementation(() => undefined);
  try {
    const code = await command();
    const linesOf = ({ mock }: typeof log) => mock.calls.map(([text]) => `${text}\n`).join("");
    return { code, stdout: linesOf(log), stderr: linesOf(error) };
  } finally {
    log.mockRestore();
    error.mockRestore();
  }
}
const deliveries = (call?: string, more: Partial<DeliveriesOptions> = {}) =>
  said(() => deliveriesCommand(call, { ...engines, limit: 50, ...more }));
const json = async (call: string, more: Partial<DeliveriesOptions> = {}) =>
  JSON.parse((await deliveries(call, { json: true, ...more })).stdout);

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  writeFileSync(
    file,
    `version: 1
sources: { voiceinfra: { secrets: ["\${SECRET}"] } }
destinations:
  hook: { connector: webhook, url: "http://127.0.0.1:${port}/", secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw, allow_http: true, allow_private: true }
  store: { connector: archive, url: "file:out" }
routes:
  - { id: hooked, to: hook }
  - { id: stored, to: store }
  - { id: stopped, to: store, record: again, enabled: false }
`,
  );
});
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

const CLOCK = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ`;

describe("`deliveries <call>`", () => {
  test("has every route of the file with a state and a reason, in an outage, behind a pause and after it", async () => {
    const up = startPatchbay({ args: ["up", "--port", "0", "--ops-port", "0"], env: { SECRET }, cwd: folder });
    onTestFinished(async () => void (await up.end()));
    const { url } = await up.logged("up");
    for (const call_id of ["first", "second", "third"]) {
      const body = Buffer.from(JSON.stringify({ ...documentedCall(), call_id }));
      expect((await post({ url: `${url}/webhooks/voiceinfra`, secret: SECRET, body })).status).toBe(200);
    }
    const causes = async () =>
      Object.fromEntries(
        JSON.parse((await said(() => lagCommand({ ...engines, json: true }))).stdout).routes.map(
          (one: { route: string; cause?: string }) => [one.route, one.cause],
        ),
      );
    await expect.poll(async () => (await causes()).hooked).toMatch(/destination down.*503/);
    await expect.poll(async () => (await json("third"))[1]?.state).toBe("delivered");

    const lag = await causes();
    for (const call of ["first", "third"]) {
      expect(await json(call)).toEqual([
        expect.objectContaining({ route: "hooked", state: "waiting", reason: lag.hooked, since: expect.any(Number) }),
        expect.objectContaining({ route: "stored", state: "delivered", reason: "the destination has it", since: expect.any(Number) }),
        expect.objectContaining({ route: "stopped", state: "waiting", reason: lag.stopped, before: expect.any(Number) }),
      ]);
    }
    const { stdout } = await deliveries("third");
    expect(stdout).toMatch(new RegExp(`third +voiceinfra +hooked +waiting +${CLOCK} +[\\d.]+ (ms|s|min) .*destination down.*503`));
    expect(stdout).toMatch(new RegExp(`third +voiceinfra +stored +delivered +${CLOCK} `));
    expect(stdout).toMatch(/third +voiceinfra +stopped +waiting .*paused by routes\.yaml \(enabled: false\); 2 records are before it/);

    expect((await said(() => pauseCommand("hooked", { ...engines, reason: "weekend" }))).code).toBe(0);
    await expect
      .poll(async () => (await json("third", { route: "hooked" }))[0])
      .toMatchObject({
        state: "waiting",
        reason: expect.stringMatching(/^paused by .+: weekend$/),
      });
    away = false;
    expect((await said(() => resumeCommand("hooked", engines))).code).toBe(0);
    await expect.poll(async () => (await json("third"))[0]?.state).toBe("delivered");
    expect(await up.end()).toBe(0);
  });

  test("of a call that nobody accepted says so, and where it looked; exit code 1", async () => {
    const { code, stdout, stderr } = await deliveries("thir");
    expect({ code, stdout, stderr }).toEqual({
      code: 1,
      stdout: "",
      stderr: expect.stringMatching(/"?thir"? is not known: no route .* still to read/),
    });
  });

  test("where the log cannot be read shows what the ledger has, and says what is missing", async () => {
    const { code, stdout, stderr } = await deliveries("first", { log: "sqlite:nowhere.db" });
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: expect.stringMatching(/hooked +delivered[\s\S]*stored +delivered/),
      stderr: expect.stringMatching(/not shown, since .*there is no log nowhere\.db/),
    });
  });

  test("the list has a call's routes together, and says when it was cut", async () => {
    const { code, stdout, stderr } = await deliveries(undefined, { limit: 6 });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const calls = stdout
      .trim()
      .split("\n")
      .slice(1)
      .map((line) => line.split(/ +/)[0]);
    expect(calls.filter((call, at) => call !== calls[at - 1]).toSorted()).toEqual(["first", "second", "third"]);
    const cut = await deliveries(undefined, { limit: 4 });
    expect(cut.stdout.trim().split("\n")).toHaveLength(5);
    expect(cut.stderr).toMatch(/^The newest 4 are shown, and there are more: --limit \d+ shows more of them\.\n$/);
    expect((await deliveries(undefined, { limit: 4, json: true })).stderr).toMatch(/^The newest 4/);
  });
});
