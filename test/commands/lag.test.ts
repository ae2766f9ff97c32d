import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { lagCommand } from "../../src/commands/lag.ts";
import { groupOf } from "../../src/delivery/route/start-position.ts";
import { openSqliteLedger } from "../../src/ledger/sqlite/index.ts";
import { CALLS_TOPIC } from "../../src/log/log.ts";
import { openSqliteLog } from "../../src/log/sqlite/index.ts";
import { documentedExample } from "../../src/sandbox/calls.ts";
import { closedPort } from "../support/ports.ts";

/** One call in the log; `read` is done with it, `unread` has not begun. */
async function oneCall() {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-lag-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const routes = join(folder, "routes.yaml");
  writeFileSync(
    routes,
    `version: 1
sources: { voiceinfra: { secrets: ["\${SECRET}"] } }
destinations:
  store: { connector: archive, url: "file:out" }
routes:
  - { id: read, to: store }
  - { id: unread, to: store, record: again }
`,
  );
  const log = await openSqliteLog({ path: join(folder, "log.db") });
  await log.append({ topic: CALLS_TOPIC, key: "s/c", value: documentedExample(), headers: {} });
  await log.placeGroup({ group: groupOf("read"), topic: CALLS_TOPIC, positions: [{ partition: 0, offset: 1 }] });
  await log.close();
  const ledger = join(folder, "ledger.db");
  await (await openSqliteLedger({ path: ledger })).close();

  const away = `postgres://u:p@127.0.0.1:${await closedPort()}/x`;
  return async (options: { away?: boolean; json?: boolean }) => {
    const said = vi.spyOn(console, "log").mockImplementation(() => undefined);
    try {
      const { json = false } = options;
      const code = await lagCommand({ routes, log: `sqlite:${folder}/log.db`, ledger: options.away ? away : `sqlite:${ledger}`, json });
      return { code, stdout: said.mock.calls.join("\n") };
    } finally {
      said.mockRestore();
    }
  };
}

const cells = (stdout: string, route: string) =>
  stdout
    .split("\n")
    .find((line) => line.startsWith(route))
    ?.split(/ {2,}/)
    .map((cell) => cell.trim());

test("what the ledger alone knows is unknown while it is away, never 0, and the exit code says that a service is not reachable", async () => {
  const lag = await oneCall();
  const { code, stdout } = await lag({ away: true });
  expect(code).toBe(3);
  expect(stdout).toContain("The ledger is away");
  const [ROUTE, TO] = ["read", "store (archive)"];
  // Lag, oldest, rate, empty in, in flight, waiting, dead, replicas, cause.
  expect(cells(stdout, ROUTE)).toEqual([ROUTE, TO, "0", "-", "?", "-", "?", "?", "?", "?", "?"]);
  expect(cells(stdout, "unread")).toEqual(["unread", TO, "?", "?", "?", "?", "?", "?", "?", "?", "?"]);
  const json = await lag({ away: true, json: true });
  expect(json.code).toBe(3);
  const unknown = { inFlight: null, waiting: null, dead: null, replicas: null, endedPerSecond: null };
  expect(JSON.parse(json.stdout)).toMatchObject({
    ledgerAway: expect.any(String),
    routes: [
      { route: "read", lag: 0, ...unknown },
      { route: "unread", lag: null, ...unknown },
    ],
  });
});

test("with the ledger there every figure is known", async () => {
  const { code, stdout } = await (await oneCall())({});
  expect(code).toBe(0);
  expect(cells(stdout, "unread")).toEqual(["unread", "store (archive)", "1", "?", "0.0", "?", "0", "0", "0", "0", "connector not running"]);
});
