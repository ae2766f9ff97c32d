import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { describe, expect, onTestFinished, test } from "vitest";
import { UsageError } from "../../src/errors.ts";
import { readSettings } from "../../src/log/kafka/settings.ts";

describe("the log's URL, kafka://", () => {
  test("needs a host only; the rest has defaults", () => {
    expect(readSettings("kafka://broker")).toEqual({
      brokers: ["broker:9092"],
      prefix: "",
      partitions: 12,
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
    writeFileSync(ca, "PEM");
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
      tls: { ca: "PEM" },
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
    ["a certificate that is not there", "kafka://a?ca=/nowhere/ca.pem", /"ca" file cannot be read: \/nowhere\/ca.pem/],
    ["a mechanism that does not exist", "kafka://u:p@a?sasl=scram", /knows no sasl "scram"/],
    ["a mechanism without a login", "kafka://a?sasl=plain", /needs a user and a password/],
    ["a login without a mechanism", "kafka://u:hunter2@a", /no sasl option/],
    ["a login with a lone percent sign", "kafka://u:hunter2%@a?sasl=plain", /cannot be read/],
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
});
