import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { UsageError } from "../../src/errors.ts";
import { readSettings } from "../../src/log/kafka/settings.ts";
import { makeCertificate, PASSPHRASE } from "../support/certificates.ts";

describe("the log's URL, kafka://", () => {
  test("needs a host only; the rest has defaults", () => {
    expect(readSettings("kafka://broker")).toEqual({
      brokers: ["broker:9092"],
      prefix: "",
      partitions: undefined,
      replication: undefined,
      minInsync: undefined,
      retentionMs: 14 * 86_400_000,
      tls: undefined,
      sasl: undefined,
    });
  });

  test("takes several brokers, a login and every option", () => {
    const folder = mkdtempSync(join(tmpdir(), "patchbay-ca-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const ca = join(folder, "ca.pem");
    const authority = makeCertificate({ name: "authority" });
    writeFileSync(ca, authority.cert);
    const settings = readSettings(
      `kafka://app:p%40ss%2F1@a:1,b:2,c?partitions=3&replication=3&min_insync=2&retention_ms=60000&prefix=eu.&sasl=scram-sha-512&ca=${ca}`,
    );
    expect(settings).toMatchObject({
      brokers: ["a:1", "b:2", "c:9092"],
      prefix: "eu.",
      partitions: 3,
      replication: 3,
      minInsync: 2,
      retentionMs: 60_000,
      tls: { ca: authority.cert },
      sasl: { mechanism: "scram-sha-512", username: "app" },
    });
    expect(settings.sasl?.password.reveal()).toBe("p@ss/1");
    expect(inspect(settings, { depth: 9 }) + JSON.stringify(settings)).not.toContain("p@ss");
  });

  test.each([
    ["no host", "kafka://", /cannot be read/],
    ["another scheme", "kafkas://a", /cannot be read/],
    ["a port out of range", "kafka://a:70000", /broker's address/],
    ["an option that does not exist", "kafka://a?partition=3", /no option "partition"/],
    ["an option given twice", "kafka://a?partitions=3&partitions=4", /given twice/],
    ["partitions that are no number", "kafka://a?partitions=many", /"partitions" is not a whole number/],
    ["no partitions", "kafka://a?partitions=0", /"partitions" is not a whole number/],
    ["a prefix that Kafka refuses", "kafka://a?prefix=ü", /"prefix" has letters/],
    ["tls that is neither", "kafka://a?tls=yes", /neither true nor false/],
    [
      "a certificate that is not there",
      "kafka://a?ca=/nowhere/ca.pem",
      /"ca" file cannot be read: \/nowhere\/ca\.pem \(there is no such file\)/,
    ],
    ["a mechanism that does not exist", "kafka://u:p@a?sasl=scram", /"sasl" is no login that Patchbay knows/],
    ["a mechanism that is a password", "kafka://u:p@a?sasl=hunter2", /"sasl" is no login that Patchbay knows/],
    ["an option that is a password", "kafka://a?partitions=3&hunter2", /option 2 of the Kafka log's URL does not exist/],
    ["an option whose value holds the password", "kafka://a?hunter2=hunter2", /option 1 of the Kafka log's URL does not exist/],
    ["a password in plain text over the network", "kafka://u:hunter2@a?sasl=plain", /sends the password over the network/],
    ["a password in plain text over the network, one broker being here", "kafka://u:hunter2@localhost,a?sasl=plain", /sends the password/],
    ["a certificate without its key", "kafka://a?cert=/nowhere/c.pem", /has "cert" and no "key"/],
    ["a key without its certificate", "kafka://a?key=/nowhere/c.key", /has "key" and no "cert"/],
    ["a passphrase without a key", "kafka://a?key_passphrase=hunter2", /has "key_passphrase" and no "key"/],
    ["a certificate and no TLS", "kafka://a?cert=c&key=k&tls=false", /has "cert" and tls=false/],
    ["insecure_plain that is not true", "kafka://u:p@a?sasl=plain&insecure_plain=yes", /"insecure_plain" is not true/],
    ["a mechanism without a login", "kafka://a?sasl=plain", /needs a user and a password/],
    ["a login without a mechanism", "kafka://u:hunter2@a", /no sasl option/],
    ["a login with a lone percent sign", "kafka://u:hunter2%@a?sasl=scram-sha-512", /cannot be read/],
  ])("with %s is refused, saying what to do, without the password", (_, url, message) => {
    const error = (() => {
      try {
        readSettings(url);
      } catch (caught) {
        return caught;
      }
      return undefined;
    })();
    expect(error).toBeInstanceOf(UsageError);
    expect((error as UsageError).message).toMatch(message);
    expect((error as UsageError).hint?.length).toBeGreaterThan(5);
    expect(inspect(error, { depth: 9 })).not.toContain("hunter2");
  });

  test.each([
    ["over TLS", "kafka://u:p@a?sasl=plain&tls=true"],
    ["to this host", "kafka://u:p@127.0.0.1:9092,localhost?sasl=plain"],
    ["where it is asked for", "kafka://u:p@a?sasl=plain&insecure_plain=true"],
    ["never sent as such, with SCRAM", "kafka://u:p@a?sasl=scram-sha-256"],
  ])("a password %s is taken", (_, url) => {
    expect(readSettings(url).sasl?.password.reveal()).toBe("p");
  });

  describe("with a certificate of the client", () => {
    const folder = mkdtempSync(join(tmpdir(), "patchbay-certificate-"));
    afterAll(() => rmSync(folder, { recursive: true }));
    const [one, other] = [makeCertificate({ name: "patchbay" }), makeCertificate({ name: "other" })];
    const write = (name: string, text: string) => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const [cert, key, encrypted] = [write("c.pem", one.cert), write("c.key", one.key), write("e.key", one.encryptedKey)];
    const [otherKey, noPem] = [write("o.key", other.key), write("n.pem", "hunter2")];

    test("its name is who Kafka takes us for, and neither key nor passphrase is ever printed", () => {
      const plain = readSettings(`kafka://a?cert=${cert}&key=${key}`).tls;
      expect(plain).toMatchObject({ cert: one.cert, subject: "CN=patchbay" });
      const { tls } = readSettings(`kafka://a?cert=${cert}&key=${encrypted}&key_passphrase=${PASSPHRASE}`);
      expect(tls?.passphrase?.reveal()).toBe(PASSPHRASE);
      for (const shown of [plain, tls]) {
        const text = inspect(shown, { depth: 9 }) + JSON.stringify(shown);
        expect(text).not.toContain("PRIVATE KEY");
        expect(text).not.toContain(PASSPHRASE);
      }
    });

    test.each([
      ["another certificate's key", `cert=${cert}&key=${otherKey}`, /"key" is not the key of its "cert"/],
      ["an encrypted key and no passphrase", `cert=${cert}&key=${encrypted}`, /"key" is encrypted/],
      ["a wrong passphrase", `cert=${cert}&key=${encrypted}&key_passphrase=hunter2`, /"key" is encrypted/],
      ["a certificate for a key", `cert=${cert}&key=${cert}`, /"key" is no key/],
      ["a text for a certificate", `cert=${noPem}&key=${key}`, /"cert" file is no certificate/],
      ["a text for an authority", `ca=${noPem}`, /"ca" file is no certificate/],
      ["a folder for an authority", `ca=${folder}`, /"ca" file cannot be read/],
    ])("%s is refused before anything is asked of Kafka", (_, query, message) => {
      const read = () => readSettings(`kafka://a?${query}`);
      expect(read).toThrow(UsageError);
      expect(read).toThrow(message);
      expect(read).not.toThrow(/hunter2/);
    });
  });
});
