import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { openLedger } from "../../src/app.ts";
import { runPatchbay, startPatchbay } from "../support/patchbay-process.ts";

const run = promisify(execFile);
const BIN = resolve(import.meta.dirname, "../../bin/patchbay.js");
const folder = mkdtempSync(join(tmpdir(), "patchbay-output-"));
const env = { SECRET: "webhook-secret-text", PATCHBAY_LOG: "sqlite:data/log.db", PATCHBAY_LEDGER: "sqlite:data/ledger.db" };

beforeAll(async () => {
  writeFileSync(
    join(folder, "routes.yaml"),
    `version: 1
sources: { voiceinfra: { secrets: ["\${SECRET}"] } }
destinations: { store: { connector: archive, url: "file:out" } }
routes: [{ id: keep, to: store }]
`,
  );
  const up = startPatchbay({ args: ["up", "--port", "0", "--ops-port", "0"], env, cwd: folder });
  await up.logged("up");
  await up.end();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a command whose reader takes some output and is gone: `… | head -1`. */
async function readBeginning(args: string[], options: { env?: Record<string, string> } = {}) {
  const child = spawn(process.execPath, [BIN, ...args], {
    cwd: folder,
    env: { PATH: process.env.PATH ?? "", ...env, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [stdout, stderr] = ["", ""];
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  child.stdout.once("data", (chunk) => {
    stdout += chunk;
    child.stdout.destroy();
  });
  await once(child as ChildProcess, "close");
  return { code: child.exitCode, stdout, stderr };
}

async function webhook(onPost: () => void): Promise<string> {
  const server = createServer((request, response) => {
    request.resume().on("end", () => {
      onPost();
      response.end("{}");
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

describe("a reader that leaves ends a command quietly", () => {
  test("lag --watch", async () => {
    expect(await readBeginning(["lag", "--watch"])).toEqual({ code: 0, stdout: expect.stringContaining("ROUTE"), stderr: "" });
    expect(await readBeginning(["lag", "--watch", "--json"])).toMatchObject({ code: 0, stderr: "" });
  });

  test("send --count 400 --json, which sends no more then", async () => {
    let posts = 0;
    const url = await webhook(() => {
      posts += 1;
    });
    const { code, stderr } = await readBeginning(["send", "--count", "400", "--json", "--secret", "x", "--url", url]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(posts).toBeLessThan(400);
  });

  test.each([["deliveries", "--json"], ["lag"], ["actions", "--json"], ["--help"], ["check"]])("%s %s", async (...args) => {
    expect(await readBeginning(args.filter((one) => one !== undefined))).toMatchObject({ stderr: expect.not.stringMatching(/EPIPE|at /) });
  });
});

test("output of more than a pipe holds is read to its end, however slow its reader is", async () => {
  const ledger = await openLedger({ url: `sqlite:${folder}/many.db` });
  for (let at = 0; at < 2_000; at += 1) await ledger.note({ by: "somebody", route: "keep", action: "pause", detail: "x".repeat(200) });
  await ledger.close();
  const child = spawn(process.execPath, [BIN, "actions", "--json", "--limit", "2000", "--ledger", "sqlite:many.db"], {
    cwd: folder,
    env: { PATH: process.env.PATH ?? "", ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  for await (const chunk of child.stdout.setEncoding("utf8")) text += chunk;
  expect(JSON.parse(text)).toHaveLength(2_000);
  expect(text.length).toBeGreaterThan(400_000);
});

test("a disk that is full under the output says so, and the exit code too", async () => {
  const full = openSync("/dev/full", "w");
  const child = spawn(process.execPath, [BIN, "lag", "--json"], {
    cwd: folder,
    env: { PATH: process.env.PATH ?? "", ...env },
    stdio: ["ignore", full, "pipe"],
  });
  closeSync(full);
  let stderr = "";
  child.stderr?.on("data", (chunk) => {
    stderr += chunk;
  });
  await once(child, "close");
  expect(child.exitCode).toBe(2);
  expect(stderr).toMatch(/the output cannot be used: the disk is full/);
});

test("no control character of a call or a vendor reaches a terminal, as a table or as JSON, nor the log", async () => {
  const name = "Jane\u001b]0;owned\u0007\u009b2J\u202e\nevil  delivered";
  const ledger = await openLedger({ url: `sqlite:${folder}/named.db` });
  const place = { route: "keep", source: "voiceinfra", callId: "c1", partition: 0, offset: 0, hash: "h", acceptedAt: Date.now() };
  const [answer] = await ledger.claim({ worker: "w", leaseMs: 60_000, items: [place] });
  if (answer?.kind !== "claimed") throw new Error("not claimed");
  const receipt = { id: name, person: { id: "1", kind: "contact", name }, found: 1 };
  await ledger.settle([
    { ...place, claimId: answer.claim.claimId, settlement: { kind: "delivered", receipt, sentFields: [] }, routesVersion: "v" },
  ]);
  await ledger.note({ by: name, route: "keep", action: "pause", detail: name });
  await ledger.close();
  for (const args of [["deliveries"], ["deliveries", "--json"], ["actions"], ["actions", "--json"]]) {
    const { stdout } = await runPatchbay({ args: [...args, "--ledger", "sqlite:named.db"], env, cwd: folder });
    expect(stdout).toContain("Jane");
    expect(stdout.replaceAll("\n", "")).not.toMatch(/\p{Cc}|\p{Bidi_Control}/u);
    expect(stdout.trim().split("\n").length).toBeLessThanOrEqual(2);
    if (args.includes("--json")) expect(stdout).toContain(JSON.stringify(name).slice(1, 5));
  }
  const program = `import { createLogger } from "./src/lib/process/logger.ts"; createLogger().info({ callId: ${JSON.stringify(name)} }, "said");`;
  const root = resolve(import.meta.dirname, "../..");
  const { stderr } = await run(process.execPath, ["--input-type=module-typescript", "--eval", program], { cwd: root });
  expect(stderr.trimEnd()).not.toMatch(/\p{Cc}|\p{Bidi_Control}/u);
  expect(JSON.parse(stderr)).toMatchObject({ callId: name });
});

test("commands write through src/lib/process/output.ts alone", () => {
  const files = readdirSync(resolve(import.meta.dirname, "../../src"), { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(".ts"),
  );
  const direct = files.filter((file) =>
    /\bstd(out|err)\.write\(/.test(readFileSync(resolve(import.meta.dirname, "../../src", file), "utf8")),
  );
  expect(direct.filter((file) => file !== "lib/process/output.ts" && file !== "commands/live-routes.ts")).toEqual([]);
});
