import { randomUUID } from "node:crypto";
import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { createSandbox } from "../../connectors/slack/sandbox/index.ts";
import { post } from "../../src/commands/send.ts";
import { serveSandbox } from "../../src/sandbox/serve.ts";
import { documentedCall } from "../support/documented-call.ts";
import { type PatchbayProcess, runPatchbay, startPatchbay } from "../support/patchbay-process.ts";

const SECRET = "repair-secret";
const kafka = inject("kafka");
const postgres = inject("postgres");

const kafkaReason = "missing" in kafka ? kafka.missing : "missing" in postgres ? postgres.missing : undefined;
const engines = [
  {
    name: "embedded",
    skip: false,
    url: (folder: string) => ({ PATCHBAY_LOG: `sqlite:${folder}/log.db`, PATCHBAY_LEDGER: `sqlite:${folder}/ledger.db` }),
  },
  {
    name: `Kafka and PostgreSQL${kafkaReason === undefined ? "" : ` (SKIPPED: ${kafkaReason})`}`,
    skip: kafkaReason !== undefined,
    url: () => {
      const id = randomUUID().slice(0, 8);
      return {
        PATCHBAY_LOG: `kafka://${"missing" in kafka ? "" : kafka.brokers}?prefix=repair${id}.&partitions=2`,
        PATCHBAY_LEDGER: `${"missing" in postgres ? "" : postgres.url}?schema=repair_${id}`,
      };
    },
  },
];

const NO_BACKUP: [string[], number, RegExp] = [
  ["backup", "somewhere"],
  2,
  /cannot be backed up from here.*Kafka is replicated and PostgreSQL dumped.*docs\/operations\.md/s,
];

describe.each(engines)("what people do about calls, on $name", ({ name, skip, url }) => {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-repair-"));
  const sandbox = createSandbox({ limits: false });
  let env: Record<string, string>;
  let slack: Awaited<ReturnType<typeof serveSandbox>>;
  let up: PatchbayProcess;
  let webhook: string;

  /** `channel`: what is no channel's id is rejected by the sandbox, as by Slack. */
  const routesFile = (routes: string) => {
    const { base_url: baseUrl } = sandbox.settings({ url: slack.url, folder });
    return `version: 1
sources: { voiceinfra: { secrets: ["\${SECRET}"], test_when: 'call_id.startsWith("test_")' } }
destinations: { slack: { connector: slack, base_url: "${baseUrl}", token: "\${SLACK_TOKEN}", rate: none } }
routes:
${routes}
`;
  };
  const GOOD = "  - { id: to-slack, to: slack, with: { channel: C0123456789 } }";
  const write = (routes: string) => {
    writeFileSync(join(folder, "routes.new"), routesFile(routes));
    renameSync(join(folder, "routes.new"), join(folder, "routes.yaml"));
  };
  const run = (...args: string[]) => runPatchbay({ args, env, cwd: folder });
  const json = async (...args: string[]) => {
    const { stdout, stderr, code } = await run(...args, "--json");
    if (stdout.trim() === "") throw new Error(`${args.join(" ")} ended with ${code}: ${stderr}`);
    return JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
  };
  const states = async () => {
    const rows: { callId: string; state: string }[] = await json("deliveries", "--limit", "1000");
    return rows.map(({ callId, state }) => `${callId} ${state}`).sort();
  };
  const send = async (callId: string, more: Record<string, unknown> = {}) => {
    const body = Buffer.from(JSON.stringify(documentedCall({ call_id: callId, ...more })));
    expect((await post({ url: webhook, secret: SECRET, body })).status).toBe(200);
  };
  const keys = async () => (await sandbox.records()).map(({ key }) => key);
  const start = async () => {
    up = startPatchbay({ args: ["up", "--port", "0", "--ops-port", "0"], env, cwd: folder });
    webhook = `${(await up.logged("up")).url}/webhooks/voiceinfra`;
  };

  beforeAll(async () => {
    if (skip) return;
    slack = await serveSandbox({ sandbox });
    env = { SECRET, SLACK_TOKEN: String(sandbox.settings({ url: slack.url, folder }).token), PATCHBAY_USER: "ann", ...url(folder) };
    write(GOOD);
    await start();
  });
  afterAll(async () => {
    await up?.end("SIGKILL");
    await slack?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test.skipIf(skip)("a clear answer to every wrong question, and nothing is changed", async () => {
    await send("first");
    await expect.poll(keys).toEqual(["voiceinfra/first/to-slack"]);
    const cases: [string[], number, RegExp][] = [
      [["dead", "show", "nobody"], 1, /no dead letter of the call nobody/],
      [["dead", "replay", "nobody", "--yes"], 1, /no dead letter of the call nobody/],
      [["dead", "replay"], 2, /which dead letters\?.*--all/s],
      [["dead", "discard", "nobody"], 2, /why\?.*--reason/s],
      [["dead", "list", "--since", "1h", "--until", "2h"], 2, /reversed/],
      [["dead", "list", "--since", "yesterday"], 2, /--since: "yesterday" is no point in time/],
      [["quarantine", "show", "abc"], 2, /nothing in quarantine has the id "abc"/],
      [["quarantine", "replay"], 2, /which record\?/],
      [["replay"], 2, /which route, and since when\?/],
      [["replay", "--route", "to-slak", "--since", "1h"], 2, /no route "to-slak".*Did you mean "to-slack"\?/s],
      [["replay", "--route", "to-slack"], 2, /since when\?/],
      [["replay", "--route", "to-slack", "--since", "1h", "--until", "1h"], 2, /the range is empty/],
      [["replay", "--continue", "nope"], 2, /no replay "nope"/],
      [["replay", "--route", "to-slack", "--since", "1h", "--rate", "100000"], 2, /--rate is at most 200/],
      [["pause", "nowhere"], 2, /no route "nowhere"/],
      [["resume", "to-slack", "--skip"], 2, /why are calls left out\?/],
      [["resume", "to-slack", "--skip", "--from", "1h", "--reason", "x"], 2, /two ways/],
      [["retire", "to-slack"], 2, /is still in .*Take it out/s],
      [["retire", "nowhere"], 2, /no route "nowhere"/],
      [["audit", "--route", "nowhere"], 2, /no route "nowhere"/],
      ...(name === "embedded" ? [] : [NO_BACKUP]),
      [["forget", "nobody", "--yes"], 1, /Nothing was found\. Looked for "nobody" in call_id of \d+ records? of the log/],
    ];
    // What the routes file or the command line decides is the same on every engine.
    const asked =
      name === "embedded" ? cases : cases.filter(([[command]]) => ["quarantine", "retire", "forget", "backup"].includes(command ?? ""));
    for (const [args, code, says] of asked) {
      const answer = await run(...args);
      expect(`${args.join(" ")}: ${answer.code} ${answer.stderr}`).toMatch(new RegExp(`: ${code} .*${says.source}`, "s"));
    }
    expect(await keys()).toHaveLength(1);
  });

  test.skipIf(skip)(
    "an edit is in use within two seconds, a swapped symlink too; a bad one changes nothing and says so; a restart runs the last good one",
    async () => {
      const other = GOOD.replace("C0123456789", "C0123456780");
      write(other);
      await up.logged("the routes file was edited, and is in use");
      await send("edited");
      await expect.poll(async () => (await sandbox.records()).at(-1)?.body.channel).toBe("C0123456780");

      write("  - { id: to-slack, to: slak, with: { channel: C0123456789 } }");
      expect((await up.logged("the routes file cannot be used; the earlier one stays in use")).problem).toMatch(
        /routes.yaml:5:\d+ there is no destination "slak"/,
      );
      await send("under-a-bad-file");
      await expect.poll(keys).toContain("voiceinfra/under-a-bad-file/to-slack");

      // A route that was never good says so everywhere, and the process starts all the same.
      expect(await up.end()).toBe(0);
      await start();
      await up.logged("the routes file has mistakes: running the last good one");
      await send("after-the-restart");
      await expect.poll(keys).toContain("voiceinfra/after-the-restart/to-slack");
      expect((await sandbox.records()).at(-1)?.body.channel).toBe("C0123456780");
      // Which version gave way to which, and which process took it.
      const edits = (await json("actions")).filter(({ action }: { action: string }) => action === "routes-file");
      expect(edits).toMatchObject([
        { by: expect.stringMatching(/^process \d+$/), detail: expect.stringMatching(/^[0-9a-f]{12} to [0-9a-f]{12}$/) },
      ]);

      // As Kubernetes does it: the name is a link, and the link is swapped.
      writeFileSync(join(folder, "data.yaml"), routesFile(GOOD));
      symlinkSync("data.yaml", join(folder, "routes.new"));
      renameSync(join(folder, "routes.new"), join(folder, "routes.yaml"));
      await up.logged("the routes file was edited, and is in use");
      await send("through-a-link");
      await expect.poll(async () => (await sandbox.records()).at(-1)?.body.channel).toBe("C0123456789");
      rmSync(join(folder, "routes.yaml"));
      write(GOOD);
    },
  );

  test.skipIf(skip)("pause holds, lag says who and why, resume sends all of it; resumed with a skip it is left out", async () => {
    expect((await run("pause", "to-slack", "--reason", "the channel moves")).stdout).toContain("to-slack is paused");
    expect((await run("pause", "to-slack")).stdout).toContain("paused already: paused by ann: the channel moves");
    expect((await json("lag")).routes[0].cause).toBe("paused by ann: the channel moves");
    await expect.poll(() => up.output()).toContain('"cause":"paused by ann: the channel moves"');
    const before = await keys();
    await send("during-the-pause");
    await expect.poll(async () => (await json("lag")).routes[0].lag).toBe(1);
    expect(await keys()).toEqual(before);
    await run("resume", "to-slack");
    await expect.poll(keys).toContain("voiceinfra/during-the-pause/to-slack");

    await run("pause", "to-slack", "--reason", "entered by hand");
    await expect.poll(() => up.output()).toContain('"cause":"paused by ann: entered by hand"');
    await send("left-out");
    expect((await run("resume", "to-slack", "--skip", "--reason", "entered by hand", "--yes")).stdout).toMatch(/before now are skipped/);
    await expect.poll(states).toContain("left-out skipped");
    expect(JSON.stringify(await json("deliveries", "left-out"))).toContain("skipped by ann: entered by hand");
    expect(await keys()).not.toContain("voiceinfra/left-out/to-slack");
    const did = (await json("actions", "--route", "to-slack")).map(
      ({ by, action, detail }: Record<string, string>) => `${by} ${action} ${detail}`,
    );
    expect(did).toEqual(expect.arrayContaining(["ann pause the channel moves", "ann skip skipped by ann: entered by hand"]));
  });

  test.skipIf(skip)("dead letters are listed, shown, replayed once by two people at once, and discarded with a reason", async () => {
    write("  - { id: to-slack, to: slack, share: [metadata, summary], with: { channel: '{{ metadata.channel }}' } }");
    await up.logged("the routes file was edited, and is in use");
    for (const callId of ["dead-1", "dead-2", "dead-3"]) await send(callId, { metadata: { channel: "not a channel" } });
    await expect.poll(async () => (await states()).filter((one) => one.endsWith(" dead")).length).toBe(3);
    const list = await run("dead", "list");
    expect(list.stdout).toMatch(/dead-1 +voiceinfra +to-slack/);
    const show = await run("dead", "show", "dead-1");
    expect(show.stdout).toContain('"call_id":"dead-1"');
    expect((await json("actions"))[0]).toMatchObject({ by: "ann", action: "read", route: "to-slack", detail: "dead letter of dead-1" });

    const unsure = await run("dead", "replay", "--route", "to-slack");
    expect(unsure.stderr).toContain("Add --yes");
    write(GOOD);
    await up.logged("the routes file was edited, and is in use");
    await expect.poll(async () => (await json("dead", "list")).length).toBe(3);
    expect((await run("dead", "discard", "dead-3", "--reason", "a test of ours", "--yes")).stdout).toContain("1 dead letter discarded");
    // One of them may come when the other is done: there are none any more, then.
    const two = await Promise.all([0, 1].map(() => run("dead", "replay", "--all", "--yes", "--json")));
    expect(two.reduce((sum, { stdout }) => sum + (stdout === "" ? 0 : (JSON.parse(stdout).replayed ?? 0)), 0)).toBe(2);
    await expect.poll(states).toEqual(expect.arrayContaining(["dead-1 delivered", "dead-2 delivered", "dead-3 skipped"]));
    expect((await keys()).filter((key) => key.includes("/dead-"))).toHaveLength(2);
  });

  test.skipIf(skip)("a replay shows first what it would do, sends what is missing, and sends again only when told so", async () => {
    const before = await keys();
    const look = await run("replay", "--route", "to-slack", "--since", "1h");
    expect(look.stdout).toMatch(/\d+ records on to-slack: 2 would be sent/);
    expect(look.stdout).toMatch(/before .*now /s);
    expect(look.stderr).toContain("Add --yes");
    expect(await keys()).toEqual(before);
    const done = await json("replay", "--route", "to-slack", "--since", "1h", "--yes", "--rate", "100");
    expect(done).toMatchObject({ state: "done", counts: { queued: 2 } });
    await expect.poll(keys).toContain("voiceinfra/left-out/to-slack");
    await expect.poll(async () => (await json("replay", "--route", "to-slack", "--since", "1h", "--yes")).preview.queued).toBe(0);
    const again = await json("replay", "--route", "to-slack", "--since", "1h", "--again", "--yes", "--rate", "100");
    expect(again.counts.queued).toBeGreaterThan(5);
    // Slack's messages are edited: none is posted twice.
    await expect.poll(async () => (await json("lag")).routes[0].waiting).toBe(0);
    expect(new Set(await keys()).size).toBe((await keys()).length);
  });

  test.skipIf(skip)("what was refused is in quarantine with its reasons, once", async () => {
    const body = Buffer.from(JSON.stringify({ ...documentedCall({ call_id: "odd" }), duration_seconds: "long" }));
    for (let i = 0; i < 2; i += 1) expect((await post({ url: webhook, secret: SECRET, body })).status).toBe(422);
    const [one, ...others] = await json("quarantine", "list");
    expect(others).toEqual([]);
    expect(one.problems).toEqual([{ field: "duration_seconds", problem: "must be a number of seconds" }]);
    expect((await run("quarantine", "show", one.id.slice(0, 6))).stdout).toContain('"call_id":"odd"');
    expect(await run("quarantine", "replay", one.id, "--yes")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("nothing was replayed"),
    });
  });

  test.skipIf(skip)("a forgotten call is gone from the ledger and the log, and no replay brings it back", async () => {
    const look = await run("forget", "edited");
    expect(look.stdout).toMatch(/1 call: edited\n.*in the log: 1 copy, .*in the ledger: 1 row, .*at slack: /s);
    const { stdout } = await run("forget", "edited", "--yes");
    expect(stdout).toMatch(/1 row and (1 copy|0 copies) in the log are removed; 1 deleted at destinations/);
    expect(await keys()).not.toContain("voiceinfra/edited/to-slack");
    expect(JSON.stringify(await json("deliveries", "edited"))).toContain("forgotten on request");
    const preview = await json("replay", "--route", "to-slack", "--since", "1h", "--again");
    expect(JSON.stringify(preview)).not.toContain('"edited"');
  });

  test.skipIf(skip)("the audit closes; a row that is taken away is a gap with exit code 1", async () => {
    await expect.poll(async () => (await json("lag")).routes[0].lag).toBe(0);
    const { code, stdout } = await run("audit");
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining("Whole: every record") });
    const { routes } = await json("audit", "--since", "1h");
    const { records, delivered, skipped, dead, waiting, superseded, repeated, unread, gaps } = routes[0];
    expect(records).toBe(delivered + skipped + dead + waiting + superseded + repeated + unread + gaps);
    expect(records).toBeGreaterThan(8);
  });

  test.skipIf(skip)("a route that left the file is listed until it is retired; its calls are not replayed into nothing", async () => {
    write(GOOD.replace("to-slack,", "renamed,"));
    await up.logged("the routes file was edited, and is in use");
    expect((await run("lag")).stdout).toContain("Not in the file: to-slack");
    expect((await run("replay", "--route", "to-slack", "--since", "1h")).stderr).toMatch(/not in .*routes.yaml any more/);
    expect((await run("retire", "to-slack", "--yes")).stdout).toMatch(/to-slack is retired: \d+ rows removed/);
    expect((await run("lag")).stdout).not.toContain("Not in the file");
  });
});
