import { describe, expect, test } from "vitest";
import { connectors } from "../../connectors/index.ts";
import { loadRoutes } from "../../src/routes/index.ts";

const ENV = { SECRET: "the-webhook-secret", TOKEN: "xoxb-a-token-of-slack", SIGNING: `whsec_${Buffer.alloc(24, 7).toString("base64")}` };

function warnings(
  destination: string,
  options: { env?: Record<string, string>; route?: string; installed?: boolean; kind?: "check" | "check-no-env" } = {},
) {
  const { env = {}, route = "", installed = true, kind = "check" } = options;
  const text = `version: 1
sources: { main: { secrets: ["\${SECRET}"] } }
own_numbers: ["+18005551234"]
agents: { sales: { id: agent_1, direction: inbound } }
destinations:
  it: ${destination}
routes:
  - { id: a, to: it${route} }
`;
  const loaded = loadRoutes({
    path: "routes.yaml",
    text,
    env: { ...ENV, ...env },
    connectors,
    role: { kind },
    isInstalled: () => installed,
  });
  return loaded.warnings
    .filter(({ message }) => !message.startsWith("experimental"))
    .map(({ line, column, message, hint }) => `${line}:${column} ${message} — ${hint}`);
}

const PLAIN = /leads over the network without TLS: credentials and calls can be read on the way — /;

describe("an address without TLS, of what is not this machine, is a warning", () => {
  test.each<[string, string, string?, Record<string, string>?]>([
    ["HubSpot", '{ connector: hubspot, access_token: "${TOKEN}", base_url: "http://proxy.example" }'],
    ["Slack", '{ connector: slack, token: "${TOKEN}", base_url: "http://10.0.0.7:3128/api" }', ", with: { channel: C0123456789 }"],
    ["Discord", '{ connector: discord, url: "${URL}" }', "", { URL: "http://discord.com/api/webhooks/1/t0ken" }],
    [
      "a webhook",
      '{ connector: webhook, url: "${URL}", secret: "${SIGNING}", allow_http: true }',
      "",
      { URL: "http://receiver.example/hook" },
    ],
    ["S3", '{ connector: archive, url: "s3://calls", endpoint: "http://minio:9000", region: eu }'],
    ["ClickHouse", '{ connector: warehouse, url: "${URL}" }', "", { URL: "clickhouse://me:hunter2@ch.example:8123/calls" }],
    ["PostgreSQL", '{ connector: warehouse, url: "${URL}" }', "", { URL: "postgres://me:hunter2@db.example/calls" }],
    [
      "PostgreSQL, by an address of one's own network",
      '{ connector: warehouse, url: "${URL}" }',
      "",
      { URL: "postgresql://me:hunter2@192.168.0.7/calls?sslmode=disable" },
    ],
  ])("%s", (_, destination, route = "", env = {}) => {
    const found = warnings(destination, { route, env });
    expect(found).toEqual([expect.stringMatching(PLAIN)]);
    expect(found.join()).not.toMatch(/hunter2|t0ken/);
  });

  test.each<[string, string, string?, Record<string, string>?]>([
    ["https", '{ connector: hubspot, access_token: "${TOKEN}", base_url: "https://proxy.example" }'],
    ["a sandbox of this machine", '{ connector: hubspot, access_token: "${TOKEN}", base_url: "http://127.0.0.1:4010" }'],
    ["localhost", '{ connector: slack, token: "${TOKEN}", base_url: "http://localhost:4010/api" }', ", with: { channel: C0123456789 }"],
    ["IPv6's", '{ connector: hubspot, access_token: "${TOKEN}", base_url: "http://[::1]:4010" }'],
    ["ClickHouse with TLS", '{ connector: warehouse, url: "${URL}" }', "", { URL: "clickhouses://me:hunter2@ch.example:8443/calls" }],
    [
      "PostgreSQL with TLS",
      '{ connector: warehouse, url: "${URL}" }',
      "",
      { URL: "postgres://me:hunter2@db.example/calls?sslmode=verify-full" },
    ],
    [
      "PostgreSQL with TLS by a variable",
      '{ connector: warehouse, url: "${URL}" }',
      "",
      { URL: "postgres://me:hunter2@db.example/calls", PGSSLMODE: "require" },
    ],
    ["PostgreSQL on this machine", '{ connector: warehouse, url: "${URL}" }', "", { URL: "postgres://me:hunter2@127.0.0.1/calls" }],
    [
      "PostgreSQL by a socket",
      '{ connector: warehouse, url: "${URL}" }',
      "",
      { URL: "postgres://me:hunter2@/calls?host=/var/run/postgresql" },
    ],
    ["a file", '{ connector: warehouse, url: "duckdb:data/calls.duckdb" }'],
  ])("not %s", (_, destination, route = "", env = {}) => {
    expect(warnings(destination, { route, env })).toEqual([]);
  });
});

test("a Discord webhook on another host is a warning; Discord's own hosts are not", () => {
  const at = (url: string) => warnings('{ connector: discord, url: "${URL}" }', { env: { URL: url } });
  expect(at("https://discord.example/api/webhooks/1/t0ken")).toEqual([
    "6:20 `url` is no address of Discord: the host in its place gets the webhook's token and the calls — undefined",
  ]);
  for (const host of ["discord.com", "discordapp.com", "canary.discord.com", "ptb.discord.com"])
    expect(at(`https://${host}/api/webhooks/1/t0ken`)).toEqual([]);
  // Like it, and not it.
  for (const host of ["discord.com.example", "notdiscord.com", "discord.co"])
    expect(at(`https://${host}/api/webhooks/1/t0ken`)).toHaveLength(1);
});

describe("a package that a destination needs and Patchbay does not bring", () => {
  const s3 = '{ connector: archive, url: "s3://calls", region: eu-central-1 }';
  const bigquery = '{ connector: warehouse, url: "${URL}" }';
  const env = { URL: "bigquery://acme/calls" };

  test("is an error of check, with what to install, in the image too", () => {
    expect(() => warnings(s3, { installed: false })).toThrow("1 problem");
    try {
      warnings(bigquery, { installed: false, env });
      expect.unreachable();
    } catch (error) {
      const [, problem] = (error as { problems: { message: string; hint: string; line: number }[] }).problems;
      expect(problem).toMatchObject({
        line: 6,
        message: "it needs the package @google-cloud/bigquery, which cannot be imported here",
        hint: "Beside Patchbay: npm install @google-cloud/bigquery. The image that Patchbay's Dockerfile makes has it: build that again (docker compose build).",
      });
    }
  });

  test("is a warning of check --no-env, which may run elsewhere", () => {
    expect(warnings(s3, { installed: false, kind: "check-no-env" })).toEqual([
      expect.stringContaining("it needs the package @aws-sdk/client-s3"),
    ]);
  });

  test("is not asked for by a folder, a file, or where it is installed", () => {
    expect(warnings('{ connector: archive, url: "file:out" }', { installed: false })).toEqual([]);
    expect(warnings('{ connector: warehouse, url: "postgres://u:p@db/x" }', { installed: false })).not.toContainEqual(
      expect.stringMatching(/package/),
    );
    expect(warnings('{ connector: warehouse, url: "duckdb:calls.duckdb" }')).toEqual([]);
    expect(warnings(s3)).toEqual([]);
  });

  test("is looked for where Patchbay would load it", async () => {
    const { isInstalled } = await import("../../src/routes/plugins/packages.ts");
    expect([isInstalled("zod"), isInstalled("@aws-sdk/client-s3"), isInstalled("no-such-package-of-anybody")]).toEqual([true, true, false]);
  });
});
