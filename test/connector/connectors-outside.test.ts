import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { runPatchbay, startPatchbay } from "../support/patchbay-process.ts";

const folder = mkdtempSync(join(tmpdir(), "patchbay-outside-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const env = { SECRET: "webhook-secret-text" };
const run = (args: string) => runPatchbay({ args: args.split(" "), cwd: folder, env });

/** Far from any node_modules: the contract is the running program's. It delivers to nowhere. */
writeFileSync(
  join(folder, "desk.ts"),
  `console.error("desk is loaded");
import { type Connector, defineConnector, z } from "patchbay/connector";
export default defineConnector({
  name: "desk", title: "Desk", keeps: "message", duplicates: "none",
  settings: z.strictObject({}), with: z.strictObject({}),
  batch: { maxCalls: 1, concurrency: 1 },
  open: async () => ({ send: async (all) => all.map(() => ({ kind: "delivered" as const, receipt: { id: "1" } })), close: async () => undefined }),
  sandbox: async () => { throw new Error("none"); },
}) as unknown as Connector;
`,
);
const file = (connectors: string, connector: string) =>
  `version: 1\n${connectors}sources: { voiceinfra: { secrets: ["\${SECRET}"] } }\ndestinations: { place: { connector: ${connector} } }\nroutes: [{ id: to-place, to: place }]\n`;

test("check and connector know a connector that routes.yaml names, by `patchbay/connector` of the program that runs", async () => {
  writeFileSync(join(folder, "routes.yaml"), file("connectors: [./desk.ts]\n", "desk"));
  expect(await run("check")).toMatchObject({ code: 0, stdout: expect.stringContaining("is fine") });
  const running = startPatchbay({ args: ["connector", "desk", "--ops-port", "0"], cwd: folder, env });
  expect(await running.logged("connector runs")).toMatchObject({ routes: ["to-place"] });
  expect(await running.end()).toBe(0);
});

test("an edit that adds one is used by a process that runs, and the ingress loads none", async () => {
  writeFileSync(join(folder, "routes.yaml"), file("connectors: [./desk.ts]\n", "desk"));
  writeFileSync(
    join(folder, "desk2.ts"),
    `import desk from "./desk.ts";\nconsole.error("desk2 is loaded");\nexport default { ...desk, name: "desk2" };\n`,
  );
  const running = startPatchbay({ args: ["up", "--port", "0", "--ops-port", "0"], cwd: folder, env });
  const ingress = startPatchbay({ args: ["ingress", "--port", "0"], cwd: folder, env });
  await Promise.all([running.logged("up"), ingress.logged("ingress listens")]);
  writeFileSync(join(folder, "routes.yaml"), file("connectors: [./desk.ts, ./desk2.ts]\n", "desk2"));
  await running.logged("the routes file was edited, and is in use");
  expect(await running.end()).toBe(0);
  await ingress.end();
  expect(running.output()).toContain("desk2 is loaded");
  expect(ingress.output()).not.toContain("is loaded");
});
