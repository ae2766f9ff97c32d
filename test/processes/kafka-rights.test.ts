import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openSqliteLedger } from "../../src/ledger/sqlite/index.ts";
import { openKafkaLog } from "../../src/log/kafka/index.ts";
import { PASSWORD, startSecuredBroker, USER } from "../support/kafka/secured-broker.ts";
import { runPatchbay } from "../support/patchbay-process.ts";

const broker = await startSecuredBroker();
const reason = "missing" in broker ? ` (SKIPPED: ${broker.missing})` : "";
const principal = `User:${USER}`;

const ROUTES = `version: 1
sources: { voiceinfra: { secrets: ["a-secret-of-some-length"] } }
destinations: { slack: { connector: slack, token: xoxb-1, base_url: "http://127.0.0.1:1" } }
routes: [{ id: to-slack, to: slack, with: { channel: C0123456789 } }]
`;

test.skipIf("missing" in broker)(
  `a Kafka whose rights are missing ends every command with one sentence that names them, and exit code 3${reason}`,
  async () => {
    if ("missing" in broker) return;
    const folder = mkdtempSync(join(tmpdir(), "patchbay-rights-"));
    onTestFinished(async () => {
      await broker.kill();
      rmSync(folder, { recursive: true, force: true });
    });
    writeFileSync(join(folder, "routes.yaml"), ROUTES);
    for (const prefix of ["none.", "nogroup.", "noread.", "nowrite."])
      await (await openKafkaLog({ url: `kafka://${broker.address}?prefix=${prefix}`, onEvent: () => undefined })).close();
    const rights = { principal, resource: "topic" } as const;
    await broker.allow({ ...rights, prefix: "nogroup.", operations: ["READ", "WRITE", "DESCRIBE_CONFIGS"] });
    await broker.allow({ ...rights, prefix: "noread.", operations: ["WRITE", "DESCRIBE_CONFIGS"] });
    await broker.allow({ ...rights, prefix: "nowrite.", operations: ["READ", "DESCRIBE_CONFIGS"] });
    for (const prefix of ["noread.", "nowrite."]) await broker.allow({ principal, resource: "group", prefix, operations: ["READ"] });

    const run = async (prefix: string, ...args: string[]) => {
      const log = `kafka://${USER}:${PASSWORD}@${broker.addresses.LOGIN}?sasl=plain&prefix=${prefix}`;
      const env = { PATCHBAY_LOG: log, PATCHBAY_LEDGER: `sqlite:${folder}/${prefix}db` };
      const { code, stderr, stdout } = await runPatchbay({ args, env, cwd: folder });
      return { code, output: stderr + stdout };
    };
    // A ledger, which commands that only look do not make.
    for (const prefix of ["none.", "nogroup.", "noread.", "nowrite."])
      await (await openSqliteLedger({ path: `${folder}/${prefix}db` })).close();

    const connector = ["connector", "slack", "--ops-port", "0"];
    const ingress = ["ingress", "--port", "0"];
    const cases: [string, string[], RegExp][] = [
      ["none.", connector, /does not let User:app see the topic none\.patchbay\.calls/],
      ["none.", ingress, /does not let User:app see the topic none\.patchbay\.calls/],
      ["none.", ["lag"], /does not let User:app see the topic none\.patchbay\.calls/],
      ["none.", ["audit"], /does not let User:app see the topic none\.patchbay\.calls/],
      ["none.", ["quarantine", "list"], /does not let User:app see the topic none\.patchbay\.calls/],
      ["nogroup.", connector, /does not let User:app read the group nogroup\.patchbay\.to-slack/],
      ["nogroup.", ["lag"], /does not let User:app \w+ the group nogroup\.patchbay\.to-slack/],
      ["nogroup.", ["audit"], /does not let User:app \w+ the group nogroup\.patchbay\.to-slack/],
      ["noread.", connector, /does not let User:app read the topic noread\.patchbay\.calls/],
      ["nowrite.", ingress, /does not let User:app write to the topic nowrite\.patchbay\.calls/],
      ["nowrite.", ["up", "--port", "0", "--ops-port", "0"], /does not let User:app write to the topic nowrite\.patchbay\.calls/],
    ];
    for (const [prefix, args, message] of cases) {
      const what = `${args[0]} with ${prefix}`;
      const { code, output } = await run(prefix, ...args);
      expect(output, what).toMatch(message);
      expect(output, what).toMatch(/Grant it: kafka-acls\.sh --add --allow-principal 'User:app'/);
      expect(output, what).not.toMatch(/\n\s+at /);
      expect(output, what).not.toContain(PASSWORD);
      expect(code, what).toBe(3);
    }

    // Nothing is made by a look, and the name that was meant is named.
    const env = { PATCHBAY_LOG: `kafka://${broker.address}?prefix=nogrop.`, PATCHBAY_LEDGER: `sqlite:${folder}/none.db` };
    for (const args of [["lag"], ["audit"], ["quarantine", "list"]])
      expect(await runPatchbay({ args, env, cwd: folder }), args[0]).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(/there is no topic nogrop\.patchbay\.calls[\s\S]*There is one with prefix=nogroup\./),
      });
  },
);
