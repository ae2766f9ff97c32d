/**
 * `node bench/connectors/slack.ts [rate]`: messages a second and channel, as a share of Slack's one, through a route's worker, its sender and
 * pacer, and Slack's SDK, into the sandbox with its limits on. `rate` is written into the destination; `none` leaves it out.
 * Counted for 30 s, by what the sandbox has, once the burst that it takes above its limit is used up.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectors } from "../../connectors/index.ts";
import { createSandbox } from "../../connectors/slack/sandbox/index.ts";
import { openLedger, openLog, startConnectors } from "../../src/app.ts";
import { createLogger } from "../../src/lib/process/logger.ts";
import { CALLS_TOPIC } from "../../src/log/log.ts";
import { loadRoutes } from "../../src/routes/index.ts";
import { serveSandbox } from "../../src/sandbox/serve.ts";
import { benchCall } from "../call.ts";
import { printFigure, printMachine } from "../report.ts";

const CHANNELS = ["C0123456789", "C0123456780", "C0123456781", "C0123456782"];
const SECONDS = 30;
/** The sandbox' burst of 20 a channel is over by then, at any rate. */
const WARM_UP_MS = 8_000;
const LIMIT_PER_SECOND = 1;

const rate = process.argv[2] ?? "default";
const logger = createLogger({ level: "error" });

async function measure(channels: string[]): Promise<{ perSecond: number[]; refused: number; answered: number }> {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-bench-slack-"));
  const sandbox = createSandbox();
  let [answered, refused] = [0, 0];
  const served = await serveSandbox({
    sandbox: {
      ...sandbox,
      fetch: async (request) => {
        const answer = (await sandbox.fetch?.(request)) ?? Response.error();
        if (request.url.endsWith("/chat.postMessage")) answered += 1;
        if (answer.status === 429) refused += 1;
        return answer;
      },
    },
  });
  const { token = "", base_url = "" } = sandbox.settings({ url: served.url, folder });
  const path = join(folder, "routes.yaml");
  const byAgent = `{% case agent_id %}${channels.map((channel, index) => `{% when "agent_${index}" %}${channel}`).join("")}{% endcase %}`;
  writeFileSync(
    path,
    `version: 1
sources: { voiceinfra: { secrets: ["\${SECRET}"] } }
destinations: { slack: { connector: slack, token: "\${TOKEN}", base_url: "${base_url}"${rate === "default" ? "" : `, rate: ${rate}`} } }
routes: [{ id: bench, to: slack, with: { channel: '${byAgent}' } }]
`,
  );
  const routes = loadRoutes({ path, env: { SECRET: "s", TOKEN: token }, connectors, role: { kind: "all" } });
  const log = await openLog({ url: `sqlite:${folder}/log.db`, logger });
  const ledger = await openLedger({ url: `sqlite:${folder}/ledger.db` });
  const running = await startConnectors({ routes, selected: routes.routes, log, ledger, logger, onEvent: () => undefined });
  const perChannel = 20 + (SECONDS + WARM_UP_MS / 1000) * LIMIT_PER_SECOND + 10;
  await Promise.all(
    Array.from({ length: perChannel * channels.length }, (_, index) => {
      const callId = `bench_${index}`;
      const call = { ...JSON.parse(benchCall(callId).toString()), agent_id: `agent_${index % channels.length}` };
      const headers = { source: "voiceinfra", accepted_at: String(Date.now()), format: "1" };
      return log.append({ topic: CALLS_TOPIC, key: `voiceinfra/${callId}`, value: Buffer.from(JSON.stringify(call)), headers });
    }),
  );
  const countOf = async () => {
    const records = await sandbox.records();
    return channels.map((channel) => records.filter(({ body }) => body.channel === channel).length);
  };
  await new Promise((resolve) => setTimeout(resolve, WARM_UP_MS));
  const before = await countOf();
  [answered, refused] = [0, 0];
  await new Promise((resolve) => setTimeout(resolve, SECONDS * 1000));
  const after = await countOf();
  await running.stop({ graceMs: 1_000 });
  await log.close();
  await ledger.close();
  await served.close();
  rmSync(folder, { recursive: true, force: true });
  return { perSecond: after.map((count, index) => (count - (before[index] ?? 0)) / SECONDS), refused, answered };
}

printMachine();
for (const channels of [CHANNELS.slice(0, 1), CHANNELS]) {
  const { perSecond, refused, answered } = await measure(channels);
  const share = (Math.min(...perSecond) / LIMIT_PER_SECOND) * 100;
  printFigure(
    `Slack, ${channels.length} ${channels.length === 1 ? "channel" : "channels"}, rate ${rate}: messages/s each`,
    `${perSecond.map((one) => one.toFixed(2)).join(" ")} = ${share.toFixed(0)} %`,
    "≥ 95 % of 1/s",
  );
  printFigure("  of its posts refused with 429", `${refused} of ${answered}`);
}
