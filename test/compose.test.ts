import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { connectors } from "../connectors/index.ts";
import { loadRoutes, type Role } from "../src/routes/index.ts";
import { loadIngressSources } from "../src/routes/ingress-sources.ts";

const ROOT = resolve(import.meta.dirname, "..");
const read = (file: string) => readFileSync(resolve(ROOT, file), "utf8");

interface Service {
  image: string;
  command?: string[];
  environment?: Record<string, string | null>;
  env_file?: string;
  read_only?: boolean;
  cap_drop?: string[];
  security_opt?: string[];
}

const { services } = parse(read("docker-compose.yml"), { merge: true }) as { services: Record<string, Service> };
const small = (parse(read("compose.small.yaml"), { merge: true }) as { services: Record<string, Service> }).services;
const ours = Object.entries({ ...services, ...small }).filter(([, { image }]) => image === "patchbay");
const variablesOf = ({ environment = {} }: Service) => Object.keys(environment).filter((name) => environment[name] === null);

describe("docker-compose.yml", () => {
  test("gives the ingress what the sources of the example file need, and nothing of a destination or of PostgreSQL", () => {
    const { ingress } = services;
    expect(variablesOf(ingress as Service)).toEqual(["VOICEINFRA_WEBHOOK_SECRET"]);
    const env = { VOICEINFRA_WEBHOOK_SECRET: "x" };
    expect(loadIngressSources({ path: "routes.yaml", text: read("routes.yaml"), env })).toHaveLength(1);
    expect(JSON.stringify(ingress)).not.toContain("POSTGRES_PASSWORD");
  });

  test.each(Object.values(services).filter(({ command }) => command?.[0] === "connector"))(
    "gives the connector of $command what its destinations need",
    (service) => {
      const [, name = ""] = service.command ?? [];
      const env = Object.fromEntries(variablesOf(service).map((variable) => [variable, "https://acme.my.salesforce.com"]));
      if ("WAREHOUSE_URL" in env) env.WAREHOUSE_URL = "duckdb:data/warehouse.duckdb";
      const role: Role = { kind: "connector", connectors: [name], routes: [] };
      const loaded = loadRoutes({ path: "routes.yaml", text: read("routes.yaml"), env, connectors, role });
      expect(loaded.routes.some(({ to }) => to.connector.name === name)).toBe(true);
      expect(variablesOf(service)).not.toContain("VOICEINFRA_WEBHOOK_SECRET");
    },
  );

  test("has no password that a reader of this file knows", () => {
    for (const name of ["docker-compose.yml", "compose.small.yaml"]) expect(read(name)).not.toMatch(/PASSWORD:-/);
    expect(services.postgres?.environment?.POSTGRES_PASSWORD).toMatch(/^\$\{POSTGRES_PASSWORD:\?/);
  });
});

test.each(ours)("the container %s may change nothing of itself and gain no right", (_, service) => {
  expect(service).toMatchObject({ read_only: true, cap_drop: ["ALL"], security_opt: ["no-new-privileges:true"] });
});
