import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Kafka, logLevel } from "../../../src/log/kafka/driver/load.ts";
import { type Certificate, makeCertificate } from "../certificates.ts";
import { startOwnKafka } from "../kafka.ts";
import type { JavaBroker } from "./java-broker.ts";

/** Numbers of Kafka's protocol (`AclOperation`, `ResourceType`, `PatternType`). */
const OPERATION = { READ: 3, WRITE: 4, CREATE: 5, DESCRIBE: 8, DESCRIBE_CONFIGS: 10 } as const;
export type Operation = keyof typeof OPERATION;
const RESOURCE = { topic: 2, group: 3 } as const;
const [PREFIXED, ALLOW] = [4, 3];

export interface SecuredBroker extends JavaBroker {
  /** A folder with `ca.pem`, `client.pem`, `client.key`, `client-encrypted.key`, `other-ca.pem`, `own.pem` (of `OWNTLS`) and a `stranger`. */
  folder: string;
  certificates: { ca: Certificate; client: Certificate };
  /** Lets a user (`User:app`) do something with everything whose name begins so. */
  allow(options: { principal: string; resource: keyof typeof RESOURCE; prefix: string; operations: Operation[] }): Promise<void>;
  refuse(options: { principal: string; resource: keyof typeof RESOURCE; prefix: string; operations: Operation[] }): Promise<void>;
}

export const USER = "app";
export const PASSWORD = "app-secret-of-kafka";

/**
 * A broker that asks who somebody is, and what he may do. Its plain listener is for the test itself, which may do everything. `LOGIN` takes
 * a user and a password (PLAIN), `TLS` has a certificate for 127.0.0.1 and localhost, `OWNTLS` one that it signed itself, `EXPIRED` one that
 * has run out, `OTHERNAME` one for another host, `MUTUAL` asks for a client's certificate, `LOGINTLS` for a login over TLS.
 */
export async function startSecuredBroker(): Promise<SecuredBroker | { missing: string }> {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-certificates-"));
  const ca = makeCertificate({ name: "Test Authority" });
  const names = ["localhost", "127.0.0.1"];
  const client = makeCertificate({ name: "patchbay-client", by: ca });
  const stranger = makeCertificate({ name: "stranger" });
  const files = {
    "ca.pem": ca.cert,
    "other-ca.pem": makeCertificate({ name: "Other Authority" }).cert,
    "client.pem": client.cert,
    "client.key": client.key,
    "client-encrypted.key": client.encryptedKey,
    "stranger.pem": stranger.cert,
    "stranger.key": stranger.key,
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);

  const keystores = {
    TLS: makeCertificate({ name: "broker", by: ca, names }),
    LOGINTLS: makeCertificate({ name: "broker", by: ca, names }),
    MUTUAL: makeCertificate({ name: "broker", by: ca, names }),
    OWNTLS: makeCertificate({ name: "broker", names }),
    EXPIRED: makeCertificate({ name: "broker", by: ca, names, expired: true }),
    OTHERNAME: makeCertificate({ name: "broker", by: ca, names: ["elsewhere.example"] }),
  };
  writeFileSync(join(folder, "own.pem"), keystores.OWNTLS.cert);
  const properties = Object.entries(keystores).flatMap(([name, { cert, key }]) => {
    const file = join(folder, `${name}.keystore.pem`);
    writeFileSync(file, key + cert);
    const at = `listener.name.${name.toLowerCase()}.ssl`;
    return [`${at}.keystore.type=PEM`, `${at}.keystore.location=${file}`];
  });
  const login = `org.apache.kafka.common.security.plain.PlainLoginModule required user_${USER}="${PASSWORD}";`;
  const broker = await startOwnKafka({
    listeners: {
      LOGIN: "SASL_PLAINTEXT",
      LOGINTLS: "SASL_SSL",
      ...Object.fromEntries(["TLS", "OWNTLS", "EXPIRED", "OTHERNAME", "MUTUAL"].map((name) => [name, "SSL"])),
    },
    properties: [
      "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
      "super.users=User:ANONYMOUS",
      ...["login", "logintls"].flatMap((name) => [
        `listener.name.${name}.sasl.enabled.mechanisms=PLAIN`,
        `listener.name.${name}.plain.sasl.jaas.config=${login}`,
      ]),
      ...properties,
      "listener.name.mutual.ssl.client.auth=required",
      "listener.name.mutual.ssl.truststore.type=PEM",
      `listener.name.mutual.ssl.truststore.location=${join(folder, "ca.pem")}`,
    ],
  });
  if ("missing" in broker) return broker;

  async function asAdmin<T>(run: (admin: ReturnType<Kafka["admin"]>) => Promise<T>): Promise<T> {
    const admin = new Kafka({ brokers: [(broker as JavaBroker).address], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    try {
      return await run(admin);
    } finally {
      await admin.disconnect();
    }
  }
  const aclsOf = ({ principal, resource, prefix, operations }: Parameters<SecuredBroker["allow"]>[0]) =>
    operations.map((operation) => ({
      resourceType: RESOURCE[resource],
      resourceName: prefix,
      resourcePatternType: PREFIXED,
      principal,
      host: "*",
      operation: OPERATION[operation],
      permissionType: ALLOW,
    }));

  return {
    ...broker,
    folder,
    certificates: { ca, client },
    allow: (options) => asAdmin(async (admin) => void (await admin.createAcls({ acl: aclsOf(options) }))),
    refuse: (options) => asAdmin(async (admin) => void (await admin.deleteAcls({ filters: aclsOf(options) }))),
    async kill() {
      await broker.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
