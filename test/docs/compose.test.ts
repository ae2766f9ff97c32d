import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseEnv } from "node:util";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { connectors } from "../../connectors/index.ts";
import { loadIngressSources } from "../../src/routes/file/ingress-sources.ts";
import { loadRoutes, type Role } from "../../src/routes/index.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const read = (file: string) => readFileSync(resolve(ROOT, file), "utf8");

interface Service {
  image: string;
  command?: string[];
  profiles?: string[];
  environment?: Record<string, string | null>;
  env_file?: string;
  volumes?: (string | { source: string; target: string; read_only?: boolean; bind?: object })[];
  healthcheck?: { test: string[] };
}

const compose = (file: string) => (parse(read(file), { merge: true }) as { services: Record<string, Service> }).services;
const services = compose("docker-compose.yml");
const everywhere = { ...services, ...compose("compose.small.yaml") };
const ours = Object.entries(everywhere).filter(([, { image }]) => image === "patchbay");
const connectorServices = Object.values(services).filter(({ command }) => command?.[0] === "connector");
const nameOf = ({ command }: Service) => command?.[1] ?? "";
const variablesOf = ({ environment = {} }: Service) => Object.keys(environment).filter((name) => environment[name] === null);
const example = parseEnv(read(".env.example").replaceAll(/^# (?=[A-Z_]+=')/gm, ""));

/** Destinations as their pages show them, with the variables of `.env.example`. */
const WRITTEN: Record<string, string> = {
  hubspot: 'access_token: "${HUBSPOT_ACCESS_TOKEN}"',
  salesforce: 'login_url: "${SALESFORCE_LOGIN_URL}", client_id: "${SALESFORCE_CLIENT_ID}", client_secret: "${SALESFORCE_CLIENT_SECRET}"',
  slack: 'token: "${SLACK_BOT_TOKEN}"',
  teams: 'url: "${TEAMS_WORKFLOW_URL}"',
  discord: 'url: "${DISCORD_WEBHOOK_URL}"',
  webhook: 'url: "${WEBHOOK_URL}", secret: "${WEBHOOK_SECRET}"',
  warehouse: 'url: "${WAREHOUSE_URL}"',
  archive:
    'url: "${ARCHIVE_URL}", access_key_id: "${AWS_ACCESS_KEY_ID}", secret_access_key: "${AWS_SECRET_ACCESS_KEY}", region: "${AWS_REGION}"',
};
const VALUES: Record<string, string> = {
  SALESFORCE_LOGIN_URL: "https://acme.my.salesforce.com",
  TEAMS_WORKFLOW_URL: "https://x.westeurope.logic.azure.com/workflows/1/triggers/manual/paths/invoke?sig=Zx8_vTq2Lr9Nw4Kd7Hs1Pf6Yb3Gm",
  DISCORD_WEBHOOK_URL: "https://discord.com/api/webhooks/123456789012345678/Zx8_vTq2Lr9Nw4Kd7Hs1Pf6Yb3Gm",
  WEBHOOK_URL: "https://receiver.example.com/calls",
  WEBHOOK_SECRET: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
  WAREHOUSE_URL: "duckdb:data/warehouse.duckdb",
  ARCHIVE_URL: "s3://bucket/prefix",
};
const valuesFor = (names: string[]) => Object.fromEntries(names.map((name) => [name, VALUES[name] ?? "Zx8vTq2Lr9Nw4Kd7Hs1Pf6Yb3Gm"]));

function routesTo(name: string): string {
  const more = name === "slack" ? ", with: { channel: C0123456789 }" : "";
  return `version: 1
own_numbers: ["+18005551234"]
sources: { voiceinfra: { secrets: ["\${VOICEINFRA_WEBHOOK_SECRET}"] } }
destinations: { there: { connector: ${name}, ${WRITTEN[name]} } }
routes: [{ id: to-there, to: there${more} }]
`;
}

describe("docker-compose.yml", () => {
  test("gives the ingress what the sources of the example file need, and nothing of a destination or of PostgreSQL", () => {
    const { ingress } = services;
    expect(variablesOf(ingress as Service)).toEqual(["VOICEINFRA_WEBHOOK_SECRET"]);
    const env = { VOICEINFRA_WEBHOOK_SECRET: "x" };
    expect(loadIngressSources({ path: "routes.yaml", text: read("routes.yaml"), env })).toHaveLength(1);
    expect(JSON.stringify(ingress)).not.toContain("POSTGRES_PASSWORD");
  });

  test("has a service for every connector, each in a profile of its name, that waits where no route leads to it", () => {
    expect(connectorServices.map(nameOf).sort()).toEqual(Object.keys(connectors).sort());
    for (const one of connectorServices)
      expect(one).toMatchObject({ profiles: [nameOf(one)], command: ["connector", nameOf(one), "--wait"] });
    const always = Object.keys(services).filter((name) => !services[name]?.profiles);
    expect(always).toEqual(["kafka", "postgres", "ingress"]);
  });

  test.each(connectorServices)("gives the connector of $command what its destinations need, and nothing of another", (service) => {
    const name = nameOf(service);
    const role: Role = { kind: "connector", connectors: [name], routes: [] };
    const loaded = loadRoutes({ path: "routes.yaml", text: routesTo(name), env: valuesFor(variablesOf(service)), connectors, role });
    expect(loaded.routes.map(({ to }) => to.connector.name)).toEqual([name]);
    const others = connectorServices.filter((other) => other !== service).flatMap(variablesOf);
    expect(variablesOf(service).filter((one) => others.includes(one) || one === "VOICEINFRA_WEBHOOK_SECRET")).toEqual([]);
  });

  test("takes the example file with the variables of its own connectors", () => {
    for (const name of ["hubspot", "salesforce", "slack", "warehouse"]) {
      const service = connectorServices.find((one) => nameOf(one) === name) as Service;
      const role: Role = { kind: "connector", connectors: [name], routes: [] };
      const env = valuesFor(variablesOf(service));
      const loaded = loadRoutes({ path: "routes.yaml", text: read("routes.yaml"), env, connectors, role });
      expect(loaded.routes.some(({ to }) => to.connector.name === name)).toBe(true);
    }
  });

  test("has no password that a reader of this file knows, and none inside a URL, where its characters would count", () => {
    for (const name of ["docker-compose.yml", "compose.small.yaml"]) {
      expect(read(name)).not.toMatch(/PASSWORD:-/);
      expect(read(name)).not.toMatch(/:\/\/[^\s"]*\$\{/);
    }
    expect(services.postgres?.environment?.POSTGRES_PASSWORD).toMatch(/^\$\{POSTGRES_PASSWORD:\?/);
  });
});

test(".env.example has every variable that a service takes, its value between single quotes", () => {
  const wanted = Object.values(services).flatMap(variablesOf);
  expect(Object.keys(example)).toEqual(
    expect.arrayContaining([...wanted.filter((name) => name !== "AWS_SESSION_TOKEN"), "POSTGRES_PASSWORD"]),
  );
  for (const line of read(".env.example").split("\n"))
    if (/^(# )?[A-Z_]+=/.test(line)) expect(line).toMatch(/='[^']*'$|^(COMPOSE_PROFILES|PORT)=/);
});

test.each(Object.entries(everywhere))(
  "the container %s gains no right, holds a bounded log and memory, and is asked without a blank",
  (_, service) => {
    expect(service).toMatchObject({
      cap_drop: ["ALL"],
      security_opt: ["no-new-privileges:true"],
      init: true,
      mem_limit: expect.any(String),
      logging: { options: { "max-size": "10m" } },
    });
    // Podman before 5.7 splits an argument that has a blank.
    for (const argument of service.healthcheck?.test ?? []) expect(argument).not.toMatch(/\s/);
  },
);

test.each(ours)(
  "the container %s may change nothing of itself, and sees an edit of routes.yaml by rename: its folder is mounted",
  (_, service) => {
    expect(service).toMatchObject({ read_only: true });
    expect(service.environment?.PATCHBAY_ROUTES).toBe("/etc/patchbay/routes.yaml");
    const folders = (service.volumes ?? []).filter((one) => typeof one === "object");
    expect(folders).toEqual([
      { type: "bind", source: "./deployment", target: "/etc/patchbay", read_only: true, bind: { create_host_path: false } },
    ]);
  },
);

test("the image says its version and licence, and holds the health check", () => {
  const { version } = JSON.parse(read("package.json"));
  expect(read("Dockerfile")).toContain(`org.opencontainers.image.version="${version}"`);
  expect(read("Dockerfile")).toContain('org.opencontainers.image.licenses="MIT"');
  expect(new Set(ours.map(([, { healthcheck }]) => healthcheck?.test[1]))).toEqual(new Set(["/app/bin/health.sh"]));
});
