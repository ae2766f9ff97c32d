import { globSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { post } from "../../src/commands/send.ts";
import { documentedCall } from "../support/documented-call.ts";
import { runPatchbay, startPatchbay } from "../support/patchbay-process.ts";
import { closedPort } from "../support/ports.ts";

test("`retire` says how many accepted calls its route will never deliver", async () => {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-retire-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const env = { SECRET: "retire-secret-text" };
  const away = "  - { id: gone, to: hook }\n";
  const routes = `version: 1
sources: { voiceinfra: { secrets: ["\${SECRET}"] } }
destinations:
  store: { connector: archive, url: "file:out" }
  hook: { connector: webhook, url: "http://127.0.0.1:${await closedPort()}/", secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw, allow_http: true, allow_private: true }
routes:
  - { id: keep, to: store }
${away}`;
  writeFileSync(join(folder, "routes.yaml"), routes);
  const up = startPatchbay({ args: ["up", "--port", "0", "--ops-port", "0"], env, cwd: folder });
  onTestFinished(async () => void (await up.end("SIGKILL")));
  const { url } = await up.logged("up");
  for (const call_id of ["one", "two"]) {
    const body = Buffer.from(JSON.stringify({ ...documentedCall(), call_id }));
    expect((await post({ url: `${url}/webhooks/voiceinfra`, secret: env.SECRET, body })).status).toBe(200);
  }
  await vi.waitFor(() => expect(globSync("out/**/*.json", { cwd: folder })).toHaveLength(2), { timeout: 120_000 });
  expect(await up.end()).toBe(0);
  writeFileSync(join(folder, "routes.yaml"), routes.replace(away, ""));
  const run = (...args: string[]) => runPatchbay({ args, env, cwd: folder });
  expect(await run("retire", "gone")).toMatchObject({
    code: 2,
    stdout: expect.stringContaining("The log holds 2 records that it has not done with: it will never deliver them."),
    stderr: expect.stringContaining("Nothing was changed."),
  });
  const { code, stdout } = await run("retire", "gone", "--yes", "--json");
  expect({ code, said: JSON.parse(stdout) }).toMatchObject({ code: 0, said: { route: "gone", unread: 2 } });
});
