import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import { createSandbox as createHubSpot } from "../../connectors/hubspot/sandbox/index.ts";
import { createSandbox as createSlack } from "../../connectors/slack/sandbox/index.ts";
import { post } from "../../src/commands/send.ts";
import { serveSandbox } from "../../src/sandbox/serve.ts";
import { documentedCall } from "../support/documented-call.ts";
import { runPatchbay, startPatchbay } from "../support/patchbay-process.ts";
import { closedPort } from "../support/ports.ts";
import { settingsText } from "../support/settings-text.ts";
import { serveFaulty } from "../torture/faulty-sandbox.ts";

const SECRET = "webhook-secret-that-must-not-show";
const TRANSCRIPT = "the-transcript-nobody-else-may-read";
const SUMMARY = "the-summary-nobody-else-may-read";
/** As they come, without the plus, and as nationals. */
const NUMBERS = ["14155550100", "4155550100", "18005551234", "8005551234"];

/**
 * Good days and bad ones in one process each: every log line, metric, error, command's output and ledger column but `body` is read for
 * secrets, transcripts, summaries and numbers. Commands that a person asks for a record (`dead show`, `quarantine show`) are left out.
 */
test("no secret, transcript, summary or number is in any log line, metric, error, command's output or ledger column but body", async () => {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-secrets-"));
  const hubspot = await serveFaulty(createHubSpot({ limits: false }));
  const slackSandbox = createSlack({ limits: false });
  const slack = await serveSandbox({ sandbox: slackSandbox });
  const { access_token: token, ...hubspotAt } = hubspot.sandbox.settings({ url: hubspot.url, folder });
  const { token: slackToken, ...slackAt } = slackSandbox.settings({ url: slack.url, folder });
  const secrets = [SECRET, token ?? "", slackToken ?? ""];
  writeFileSync(
    join(folder, "routes.yaml"),
    `version: 1
own_numbers: ["+18005551234"]
sources: { voiceinfra: { secrets: ["\${SECRET}"] } }
destinations:
  hubspot: { connector: hubspot, ${settingsText(hubspotAt)}, access_token: "\${HUBSPOT}" }
  slack: { connector: slack, ${settingsText(slackAt)}, token: "\${SLACK}" }
  nobody: { connector: slack, base_url: "http://127.0.0.1:${await closedPort()}", token: "\${SLACK}" }
routes:
  - { id: crm, to: hubspot, share: [numbers, summary, transcript, metadata] }
  - { id: chat, to: slack, share: [numbers, summary, transcript], with: { channel: C0123456789, text: "{{ summary }} {{ transcript }} {{ customer_number }}" } }
  - { id: bad, to: slack, share: [summary, numbers], with: { channel: "{{ summary }}{{ customer_number }}" } }
  - { id: filter, to: slack, share: [], when: 'int(summary) > 3', with: { channel: C0123456789 } }
  - { id: away, to: nobody, with: { channel: C0123456789 } }
`,
  );
  const env = {
    SECRET,
    HUBSPOT: token ?? "",
    SLACK: slackToken ?? "",
    PATCHBAY_LOG: `sqlite:${folder}/log.db`,
    PATCHBAY_LEDGER: `sqlite:${folder}/ledger.db`,
    PATCHBAY_LOG_LEVEL: "trace",
  };
  const up = startPatchbay({ args: ["up", "--port", "0", "--ops-port", "0"], env, cwd: folder });
  onTestFinished(async () => {
    await up.end("SIGKILL");
    await Promise.all([hubspot.close(), slack.close()]);
    rmSync(folder, { recursive: true, force: true });
  });
  const { url, ops } = (await up.logged("up")) as { url: string; ops: string };
  const seen: { where: string; text: string }[] = [];
  const say = (where: string, text: string) => void seen.push({ where, text });

  const send = async (changes: Record<string, unknown>) => {
    const call = { ...documentedCall(), transcript: TRANSCRIPT, summary: SUMMARY, metadata: { note: TRANSCRIPT }, ...changes };
    const { body } = await post({ url: `${url}/webhooks/voiceinfra`, secret: SECRET, body: Buffer.from(JSON.stringify(call)) });
    say(`the ingress' answer to ${changes.call_id}`, body);
  };
  const states = async () => {
    const { stdout } = await runPatchbay({ args: ["deliveries", "--limit", "200", "--json"], env, cwd: folder });
    return (JSON.parse(stdout) as { route: string; state: string }[]).map(({ route, state }) => `${route} ${state}`);
  };
  await send({ call_id: "good" });
  await send({ call_id: "good", summary: `${SUMMARY} again` });
  await send({ call_id: "refused", duration_seconds: TRANSCRIPT, from_number: 14155550100 });
  await send({ call_id: "odd", transcript: `${TRANSCRIPT} \ud800`, metadata: [TRANSCRIPT] });
  await expect.poll(states).toEqual(expect.arrayContaining(["crm delivered", "chat delivered", "bad dead", "filter dead"]));
  for (const trouble of ["500", "401", "429", "black hole", "refused"] as const) {
    await hubspot.trouble(trouble);
    await send({ call_id: `under-${trouble.replace(" ", "-")}` });
  }
  await hubspot.trouble(undefined);
  await expect.poll(async () => (await states()).filter((one) => one === "crm delivered").length).toBe(7);

  for (const path of ["/metrics", "/healthz", "/readyz"]) say(path, await (await fetch(`${ops}${path}`)).text());

  const commands = [
    ["lag"],
    ["lag", "--json"],
    ["deliveries"],
    ["deliveries", "good", "--json"],
    ["dead", "list"],
    ["dead", "list", "--json"],
    ["quarantine", "list"],
    ["audit"],
    ["check"],
    ["pause", "crm", "--reason", "x"],
    ["replay", "--route", "nowhere", "--since", "1h"],
    ["forget", "good"],
    ["backup", "a-backup"],
    ["actions", "--verify"],
    ["up", "--log", "kafka://user:webhook-secret-that-must-not-show@127.0.0.1:1?sasl=plain"],
  ];
  for (const args of commands) {
    const { stdout, stderr } = await runPatchbay({ args, env, cwd: folder });
    say(args.join(" ").replace(SECRET, "…"), stdout + stderr);
  }
  say("a backup's manifest", readFileSync(join(folder, "a-backup/manifest.json"), "utf8"));
  await up.end();
  say("the log lines", up.output());
  const ledger = new DatabaseSync(join(folder, "ledger.db"), { readOnly: true });
  for (const { name } of ledger.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all() as { name: string }[]) {
    for (const row of ledger.prepare(`SELECT * FROM "${name}"`).all()) {
      const { body: _body, ...columns } = row;
      say(`the ledger's ${name}`, JSON.stringify(columns));
    }
  }
  ledger.close();

  expect(seen.length).toBeGreaterThan(50);
  const known = [...secrets, TRANSCRIPT, SUMMARY, ...NUMBERS];
  // The file itself says which numbers are ours; a copy of it is kept for a restart after a bad edit.
  const found = seen.flatMap(({ where, text }) => known.filter((one) => text.includes(one)).map((one) => `${where}: ${one}`));
  expect(found.filter((one) => !/^the ledger's routes_files: 1?8005551234$/.test(one))).toEqual([]);
});
