import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { post } from "../../src/commands/send.ts";
import { sampleCall } from "../../src/sandbox/calls.ts";
import { until } from "../contracts/log.contract.ts";
import { runPatchbay } from "../support/patchbay-process.ts";
import { freePorts } from "../support/ports.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const SECRET = "log-reader-secret";

function tempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-log-reader-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A pipe that is full to the last byte and that nobody reads, until the test does. */
function fullPipe(folder: string): { fd: number; drain(): string } {
  const path = join(folder, "stderr");
  execFileSync("mkfifo", [path]);
  // Two descriptions: whoever starts a process with one makes it blocking.
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  onTestFinished(() => {
    for (const one of [reader, fd]) closeSync(one);
  });
  const fill = (bytes: Buffer) => {
    try {
      for (;;) writeSync(fd, bytes);
    } catch {
      // EAGAIN: it is full.
    }
  };
  fill(Buffer.alloc(4_096, "\n"));
  fill(Buffer.from("\n"));
  return {
    fd,
    drain() {
      const chunk = Buffer.alloc(65_536);
      let text = "";
      try {
        for (;;) text += chunk.subarray(0, readSync(reader, chunk)).toString();
      } catch {
        return text;
      }
    },
  };
}

interface Run {
  args: string[];
  cwd: string;
  env?: Record<string, string>;
  stderr: number | "pipe";
}

function start({ args, cwd, env = {}, stderr }: Run) {
  const child = spawn(process.execPath, args, {
    cwd,
    env: { PATH: process.env.PATH ?? "", SECRET, ...env },
    stdio: ["ignore", "ignore", stderr],
  });
  const ended = once(child, "exit");
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  return { child, ended };
}

const isUp = (port: number) => () =>
  fetch(`http://127.0.0.1:${port}/healthz`).then(
    ({ ok }) => ok,
    () => false,
  );

const ROUTES = `version: 1
sources: { voiceinfra: { secrets: ["\${SECRET}"] } }
destinations: { there: { connector: archive, url: "file:archive" } }
routes: [{ id: keep, to: there }]
`;

describe("a reader of the log that does not read", () => {
  test("stops neither refusals nor good calls, nor the end of the process", async () => {
    const folder = tempFolder();
    writeFileSync(join(folder, "routes.yaml"), ROUTES);
    const [port] = (await freePorts(1)) as [number];
    const { fd } = fullPipe(folder);
    const args = [join(ROOT, "bin/patchbay.js"), "ingress", "--port", String(port), "--ops-port", "0"];
    const { child, ended } = start({ args, cwd: folder, stderr: fd });
    await until(isUp(port), { withinMs: 60_000 });
    const url = `http://127.0.0.1:${port}/webhooks/`;
    const unsigned = async (n: number) => (await fetch(`${url}${n % 2 ? "voiceinfra" : "nobody"}`, { method: "POST", body: "{}" })).status;
    const statuses = new Set<number>();
    for (let n = 0; n < 3_000; n += 30) {
      for (const status of await Promise.all(Array.from({ length: 30 }, (_, i) => unsigned(n + i)))) statuses.add(status);
    }
    expect([...statuses]).toEqual([401]);
    expect((await post({ url: `${url}voiceinfra`, secret: SECRET, body: Buffer.from(JSON.stringify(sampleCall(1))) })).status).toBe(200);
    child.kill("SIGTERM");
    expect(await ended).toEqual([0, null]);
  });

  const script = (folder: string, text: string) => {
    const path = join(folder, "script.ts");
    writeFileSync(path, `import { createLogger } from "${ROOT}/src/lib/process/logger.ts";\nconst logger = createLogger();\n${text}`);
    return [path];
  };
  const linesOf = (text: string) =>
    text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line));

  test("costs lines beyond a megabyte, and their number is said once it reads again", async () => {
    const folder = tempFolder();
    const { fd, drain } = fullPipe(folder);
    const logs = `for (let n = 0; n < 20_000; n += 1) logger.info({ n, filler: "x".repeat(100) }, "line");
      setTimeout(() => logger.info("after"), 3_000);`;
    const { ended } = start({ args: script(folder, logs), cwd: folder, stderr: fd });
    let text = "";
    await until(
      () => {
        text += drain();
        return text.includes('"msg":"after"');
      },
      { withinMs: 60_000 },
    );
    expect(await ended).toEqual([0, null]);
    const lines = linesOf(text);
    // As often as the pipe was full again.
    const dropped = lines.filter((line) => "dropped" in line);
    expect(dropped[0]).toMatchObject({ level: "warn", msg: "log lines were dropped, since nobody read them" });
    const kept = lines.filter(({ msg }) => msg === "line").map(({ n }) => n);
    expect(kept).toEqual(kept.toSorted((one, other) => one - other));
    expect(dropped.reduce((sum, line) => sum + line.dropped, kept.length)).toBe(20_000);
    expect(lines.at(-1)).toMatchObject({ msg: "after" });
  });

  test("and begins to read when the process ends gets the line that says why", async () => {
    const folder = tempFolder();
    const { fd, drain } = fullPipe(folder);
    const logs = `for (let n = 0; n < 20_000; n += 1) logger.info({ n, filler: "x".repeat(100) }, "line");
      logger.fatal("the end");
      process.exit(1);`;
    const { ended } = start({ args: script(folder, logs), cwd: folder, stderr: fd });
    let text = "";
    let isOver = false;
    void ended.then(() => {
      isOver = true;
    });
    await until(
      () => {
        text += drain();
        return isOver;
      },
      { withinMs: 60_000 },
    );
    text += drain();
    expect(linesOf(text).at(-1)).toMatchObject({ level: "fatal", msg: "the end" });
  });

  test("and never will does not keep the process from ending", async () => {
    const folder = tempFolder();
    const { fd } = fullPipe(folder);
    const { ended } = start({ args: script(folder, `logger.fatal("the end"); process.exitCode = 3;`), cwd: folder, stderr: fd });
    expect(await ended).toEqual([3, null]);
  });
});

test("a reader of the log that has ended does not end the process: a bad edit changes nothing, and it drains at SIGTERM", async () => {
  const folder = tempFolder();
  for (const file of ["routes.yaml", "good.yaml"]) writeFileSync(join(folder, file), ROUTES);
  const [port, opsPort] = (await freePorts(2)) as [number, number];
  const args = [join(ROOT, "bin/patchbay.js"), "up", "--port", String(port), "--ops-port", String(opsPort)];
  const { child, ended } = start({ args, cwd: folder, stderr: "pipe" });
  await once(child.stderr as NodeJS.ReadableStream, "data");
  child.stderr?.destroy();
  await until(isUp(port), { withinMs: 60_000 });
  const send = (n: number) =>
    post({
      url: `http://127.0.0.1:${port}/webhooks/voiceinfra`,
      secret: SECRET,
      body: Buffer.from(JSON.stringify({ ...sampleCall(n), call_id: `call-${n}` })),
    });
  expect((await send(1)).status).toBe(200);

  writeFileSync(join(folder, "routes.yaml"), ROUTES.replace("to: there", "to: nowhere"));
  await until(
    async () => {
      const { stdout } = await runPatchbay({ args: ["lag", "--json", "--routes", "good.yaml"], env: { SECRET }, cwd: folder });
      return stdout.includes("nowhere");
    },
    { withinMs: 60_000 },
  );
  expect((await send(2)).status).toBe(200);
  const archived = () =>
    execFileSync("find", [join(folder, "archive"), "-name", "*.json"])
      .toString()
      .trim()
      .split("\n");
  await until(() => archived().length === 2);
  child.kill("SIGTERM");
  expect(await ended).toEqual([0, null]);
  expect(
    archived()
      .map((file) => JSON.parse(readFileSync(file, "utf8")).call_id)
      .sort(),
  ).toEqual(["call-1", "call-2"]);
});
