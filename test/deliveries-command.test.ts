import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { post } from "../src/commands/send.ts";
import { documentedCall } from "./support/documented-call.ts";
import { runPatchbay, startPatchbay } from "./support/patchbay-process.ts";

const SECRET = "deliveries-command-secret";
const folder = mkdtempSync(join(tmpdir(), "patchbay-deliveries-"));
/** A destination: 503 while it is away. */
let away = true;
const server = createServer((request, response) => {
  request.resume().on("end", () => response.writeHead(away ? 503 : 200).end("{}"));
});
const run = (...args: string[]) => runPatchbay({ args, env: { SECRET }, cwd: folder });
const json = async (...args: string[]) => JSON.parse((await run(...args, "--json")).stdout);

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  writeFileSync(
    join(folder, "routes.yaml"),
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
      Object.fromEntries((await json("lag")).routes.map((one: { route: string; cause?: string }) => [one.route, one.cause]));
    await expect.poll(async () => (await causes()).hooked, { timeout: 40_000 }).toMatch(/destination down.*503/);
    await expect.poll(async () => (await json("deliveries", "third"))[1]?.state, { timeout: 40_000 }).toBe("delivered");

    const lag = await causes();
    for (const call of ["first", "third"]) {
      expect(await json("deliveries", call)).toEqual([
        expect.objectContaining({ route: "hooked", state: "waiting", reason: lag.hooked, since: expect.any(Number) }),
        expect.objectContaining({ route: "stored", state: "delivered", reason: "the destination has it", since: expect.any(Number) }),
        expect.objectContaining({ route: "stopped", state: "waiting", reason: lag.stopped, before: expect.any(Number) }),
      ]);
    }
    const { stdout } = await run("deliveries", "third");
    expect(stdout).toMatch(new RegExp(`third +voiceinfra +hooked +waiting +${CLOCK} +[\\d.]+ (ms|s|min) .*destination down.*503`));
    expect(stdout).toMatch(new RegExp(`third +voiceinfra +stored +delivered +${CLOCK} `));
    expect(stdout).toMatch(/third +voiceinfra +stopped +waiting .*paused by routes\.yaml \(enabled: false\); 2 records are before it/);

    await run("pause", "hooked", "--reason", "weekend");
    await expect
      .poll(async () => (await json("deliveries", "third", "--route", "hooked"))[0], { timeout: 20_000 })
      .toMatchObject({
        state: "waiting",
        reason: expect.stringMatching(/^paused by .+: weekend$/),
      });
    away = false;
    await run("resume", "hooked");
    await expect.poll(async () => (await json("deliveries", "third"))[0]?.state, { timeout: 40_000 }).toBe("delivered");
    expect(await up.end()).toBe(0);
  });

  test("of a call that nobody accepted says so, and where it looked; exit code 1", async () => {
    const { code, stdout, stderr } = await run("deliveries", "thir");
    expect({ code, stdout, stderr }).toEqual({
      code: 1,
      stdout: "",
      stderr: expect.stringMatching(/"?thir"? is not known: no route .* still to read/),
    });
  });

  test("where the log cannot be read shows what the ledger has, and says what is missing", async () => {
    const { code, stdout, stderr } = await run("deliveries", "first", "--log", "sqlite:nowhere.db");
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: expect.stringMatching(/hooked +delivered[\s\S]*stored +delivered/),
      stderr: expect.stringMatching(/not shown, since .*there is no log nowhere\.db/),
    });
  });

  test("the list has a call's routes together, and says when it was cut", async () => {
    const { code, stdout, stderr } = await run("deliveries", "--limit", "6");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const calls = stdout
      .trim()
      .split("\n")
      .slice(1)
      .map((line) => line.split(/ +/)[0]);
    expect(calls.filter((call, at) => call !== calls[at - 1]).toSorted()).toEqual(["first", "second", "third"]);
    const cut = await run("deliveries", "--limit", "4");
    expect(cut.stdout.trim().split("\n")).toHaveLength(5);
    expect(cut.stderr).toMatch(/^The newest 4 are shown, and there are more: --limit \d+ shows more of them\.\n$/);
    expect((await run("deliveries", "--limit", "4", "--json")).stderr).toMatch(/^The newest 4/);
  });
});
