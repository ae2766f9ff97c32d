import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { UnreachableError } from "../../src/errors.ts";
import type { KafkaEvent } from "../../src/log/kafka/client.ts";
import { openKafkaLog } from "../../src/log/kafka/index.ts";
import { CALLS_TOPIC, type Log } from "../../src/log/log.ts";
import { record, takeAll, text, until, untilHeld } from "../contracts/log.contract.ts";
import { PASSPHRASE } from "../support/certificates.ts";
import { PASSWORD, startSecuredBroker, USER } from "../support/kafka/secured-broker.ts";
import { closedPort } from "../support/ports.ts";

const broker = await startSecuredBroker();
const reason = "missing" in broker ? ` (SKIPPED: ${broker.missing})` : "";

describe.skipIf("missing" in broker)(`a Kafka that asks who we are${reason}`, () => {
  if ("missing" in broker) return;
  const { address: plain, addresses, folder, allow, refuse } = broker;
  const at = (listener: string) => addresses[listener] ?? "";
  const file = (name: string) => encodeURIComponent(join(folder, name));
  const login = `${USER}:${PASSWORD}@`;
  const principal = `User:${USER}`;
  afterAll(() => broker.kill());

  const newPrefix = () => `s${randomUUID().slice(0, 8)}.`;
  async function open(url: string, onEvent: (event: KafkaEvent) => void = () => undefined): Promise<Log> {
    const log = await openKafkaLog({ url, onEvent });
    onTestFinished(() => log.close());
    return log;
  }
  const failure = (url: string) =>
    open(url).then(
      () => undefined,
      (error: unknown) => error,
    );

  const refusals: [string, () => string, RegExp, RegExp][] = [
    ["a login is wanted and none is given", () => `kafka://${at("LOGIN")}`, /closes the connection/, /a login \(sasl=/],
    ["the password is wrong", () => `kafka://${USER}:wrong@${at("LOGIN")}?sasl=plain`, /refuses the login of User:app/, /percent-encoded/],
    [
      "the mechanism is not offered",
      () => `kafka://${login}${at("LOGIN")}?sasl=scram-sha-256`,
      /does not offer sasl=scram-sha-256/,
      /sasl=plain/,
    ],
    ["there is no login on the port", () => `kafka://${login}${plain}?sasl=plain`, /takes no login on this port/, /Leave sasl/],
    ["TLS on a port without it", () => `kafka://${plain}?tls=true`, /does not speak TLS on this port/, /port for TLS/],
    ["no TLS on a port that wants it", () => `kafka://${at("TLS")}`, /closes the connection/, /TLS \(tls=true/],
    ["the authority is not known", () => `kafka://${at("TLS")}?tls=true`, /authority that is not known/, /ca=\/path/],
    [
      "the ca file is another's",
      () => `kafka://${at("TLS")}?ca=${file("other-ca.pem")}`,
      /authority that is not known/,
      /another authority's/,
    ],
    [
      "the broker signed itself",
      () => `kafka://${at("OWNTLS")}?tls=true`,
      /a certificate that it signed itself/,
      /Name that certificate's file/,
    ],
    ["the certificate has expired", () => `kafka://${at("EXPIRED")}?ca=${file("ca.pem")}`, /has expired/, /a new one/],
    [
      "the certificate is another host's",
      () => `kafka://${at("OTHERNAME")}?ca=${file("ca.pem")}`,
      /for another host/,
      /advertised\.listeners/,
    ],
    [
      "a client's certificate is wanted",
      () => `kafka://${at("MUTUAL")}?ca=${file("ca.pem")}`,
      /asks for a certificate of the client/,
      /cert=\/path/,
    ],
    [
      "the client's certificate is a stranger's",
      () => `kafka://${at("MUTUAL")}?ca=${file("ca.pem")}&cert=${file("stranger.pem")}&key=${file("stranger.key")}`,
      /does not accept the client's certificate/,
      /authority that the brokers trust/,
    ],
    ["nobody knows the host", () => "kafka://no-such-host.invalid", /cannot be found/, /spelled right/],
  ];
  test.each(refusals)("where %s, one sentence says so and what to do, with exit code 3", async (_, url, message, hint) => {
    const error = await failure(url());
    expect(error).toBeInstanceOf(UnreachableError);
    expect(error).toMatchObject({ exitCode: 3, message: expect.stringMatching(message), hint: expect.stringMatching(hint) });
    expect((error as Error).message).not.toContain("\n");
    expect(inspect(error, { depth: 9 })).not.toContain(PASSWORD);
  });

  test("nothing listens there", async () => {
    const error = await failure(`kafka://127.0.0.1:${await closedPort()}?ca=${file("ca.pem")}`);
    expect(error).toMatchObject({ exitCode: 3, message: expect.stringContaining("nothing listens there (ECONNREFUSED)") });
  });

  test("with TLS, a login over TLS, and a certificate of our own, records are stored and read", async () => {
    const prefix = newPrefix();
    for (const who of [principal, "User:CN=patchbay-client"]) {
      await allow({ principal: who, resource: "topic", prefix, operations: ["CREATE", "DESCRIBE", "DESCRIBE_CONFIGS", "READ", "WRITE"] });
      await allow({ principal: who, resource: "group", prefix: `${prefix}patchbay.`, operations: ["READ", "DESCRIBE"] });
    }
    const urls = [
      `kafka://${at("TLS")}?ca=${file("ca.pem")}`,
      `kafka://${at("OWNTLS")}?ca=${file("own.pem")}`,
      `kafka://${login}${at("LOGINTLS")}?ca=${file("ca.pem")}&sasl=plain`,
      `kafka://${at("MUTUAL")}?ca=${file("ca.pem")}&cert=${file("client.pem")}&key=${file("client.key")}`,
      `kafka://${at("MUTUAL")}?ca=${file("ca.pem")}&cert=${file("client.pem")}&key=${file("client-encrypted.key")}&key_passphrase=${PASSPHRASE}`,
    ];
    for (const [index, url] of urls.entries()) {
      // Rights reach a broker a moment after they were granted.
      let log: Log | undefined;
      await until(async () => {
        log = await openKafkaLog({ url: `${url}&prefix=${prefix}`, onEvent: () => undefined }).catch(() => undefined);
        return log !== undefined;
      });
      const opened = log as Log;
      onTestFinished(() => opened.close());
      await opened.check();
      const subscription = await opened.subscribe({ topic: CALLS_TOPIC, group: `patchbay.${index}`, start: await endsOf(opened) });
      await untilHeld(subscription);
      await opened.append(record(url));
      expect((await takeAll(subscription, 1)).map(({ message }) => text(message.value))).toEqual([url]);
      await subscription.stop({ graceMs: 0 });
    }
  });

  const endsOf = async (log: Log) => (await log.ranges(CALLS_TOPIC)).map(({ partition, high }) => ({ partition, offset: high }));

  describe("and what we may do", () => {
    const urlOf = (prefix: string) => `kafka://${login}${at("LOGIN")}?sasl=plain&partitions=2&prefix=${prefix}`;
    /** Topics that are there already, made by somebody who may. */
    async function setUp(): Promise<string> {
      const prefix = newPrefix();
      await (await open(`kafka://${plain}?partitions=2&prefix=${prefix}`)).close();
      return prefix;
    }
    /** Opens once the rights that were granted have reached the broker. */
    async function openAllowed(prefix: string, onEvent?: (event: KafkaEvent) => void): Promise<Log> {
      let log: Log | undefined;
      await until(async () => {
        log = await openKafkaLog({ url: urlOf(prefix), onEvent: onEvent ?? (() => undefined) }).catch(() => undefined);
        return log !== undefined;
      });
      const opened = log as Log;
      onTestFinished(() => opened.close());
      return opened;
    }
    const topic = (prefix: string) => `${prefix}patchbay.calls`;

    test("without any right on the topics every command says so, naming the user and the topic", async () => {
      const prefix = await setUp();
      for (const mustExist of [false, true])
        await expect(openKafkaLog({ url: urlOf(prefix), onEvent: () => undefined, mustExist })).rejects.toMatchObject({
          exitCode: 3,
          message: `Kafka at ${at("LOGIN")} does not let User:app see the topic ${topic(prefix)} (TOPIC_AUTHORIZATION_FAILED)`,
          hint: expect.stringContaining(`--allow-principal 'User:app' --operation Describe --topic ${topic(prefix)}`),
        });
    });

    test("where the topics are missing and may not be made, the right to make them is named", async () => {
      const prefix = newPrefix();
      await allow({ principal, resource: "topic", prefix, operations: ["DESCRIBE"] });
      await expect
        .poll(() => failure(urlOf(prefix)))
        .toMatchObject({
          exitCode: 3,
          message: `the topic ${topic(prefix)} does not exist, and Kafka at ${at("LOGIN")} does not let this user create it`,
          hint: expect.stringContaining(`--operation Create --topic ${topic(prefix)}`),
        });
    });

    test("without DescribeConfigs the topics' settings are not checked, which is told; the rest works", async () => {
      const prefix = await setUp();
      await allow({ principal, resource: "topic", prefix, operations: ["READ", "WRITE"] });
      const events: KafkaEvent[] = [];
      const log = await openAllowed(prefix, (event) => events.push(event));
      expect(events.map(({ text: said }) => said)).toContain(
        `Kafka does not let this user read the settings of the topic ${topic(prefix)}: they are not checked`,
      );
      await log.append(record("x"));
    });

    test("without Write no record is stored, and check says which right is missing; reading goes on", async () => {
      const prefix = await setUp();
      await allow({ principal, resource: "topic", prefix, operations: ["READ", "DESCRIBE_CONFIGS"] });
      const log = await openAllowed(prefix);
      const missing = `Kafka at ${at("LOGIN")} does not let User:app write to the topic ${topic(prefix)} (TOPIC_AUTHORIZATION_FAILED)`;
      await expect(log.append(record("x"))).rejects.toMatchObject({
        name: "LogUnavailableError",
        message: `the record was not stored: ${missing}`,
      });
      await expect
        .poll(() => log.check().catch((error: unknown) => error))
        .toMatchObject({ name: "UnreachableError", exitCode: 3, message: missing });
      expect(await log.ranges(CALLS_TOPIC)).toHaveLength(2);
    });

    test("without Read on the topic nobody subscribes, and a question says which right is missing", async () => {
      const prefix = await setUp();
      await allow({ principal, resource: "topic", prefix, operations: ["WRITE", "DESCRIBE_CONFIGS"] });
      await allow({ principal, resource: "group", prefix: `${prefix}patchbay.`, operations: ["READ"] });
      const log = await openAllowed(prefix);
      const { partition } = await log.append(record("x"));
      const missing = {
        exitCode: 3,
        message: `Kafka at ${at("LOGIN")} does not let User:app read the topic ${topic(prefix)} (TOPIC_AUTHORIZATION_FAILED)`,
      };
      await expect(log.subscribe({ topic: CALLS_TOPIC, group: "patchbay.one", start: [] })).rejects.toMatchObject(missing);
      await expect(log.read({ topic: CALLS_TOPIC, partition, from: 0, limit: 1 })).rejects.toMatchObject(missing);
    });

    test("without rights on the group nobody subscribes; with Describe alone positions can be read", async () => {
      const prefix = await setUp();
      await allow({ principal, resource: "topic", prefix, operations: ["READ", "WRITE", "DESCRIBE_CONFIGS"] });
      const log = await openAllowed(prefix);
      const group = "patchbay.one";
      const missing = {
        exitCode: 3,
        message: `Kafka at ${at("LOGIN")} does not let User:app read the group ${prefix}${group} (GROUP_AUTHORIZATION_FAILED)`,
        hint: expect.stringContaining(`--operation Read --group ${prefix}${group}`),
      };
      await expect(log.subscribe({ topic: CALLS_TOPIC, group, start: [] })).rejects.toMatchObject(missing);
      await expect(log.committed({ group, topic: CALLS_TOPIC })).rejects.toMatchObject(missing);
      await allow({ principal, resource: "group", prefix: `${prefix}patchbay.`, operations: ["DESCRIBE"] });
      await until(() =>
        log.committed({ group, topic: CALLS_TOPIC }).then(
          () => true,
          () => false,
        ),
      );
      await expect(log.subscribe({ topic: CALLS_TOPIC, group, start: [] })).rejects.toMatchObject(missing);
    });

    test("a right on the group that is taken away ends the subscription with its name, not a warning for ever", {
      timeout: 120_000,
    }, async () => {
      const prefix = await setUp();
      const rights = { principal, resource: "group" as const, prefix: `${prefix}patchbay.`, operations: ["READ" as const] };
      await allow({ principal, resource: "topic", prefix, operations: ["READ", "WRITE", "DESCRIBE_CONFIGS"] });
      await allow(rights);
      const log = await openAllowed(prefix);
      const group = "patchbay.one";
      await until(() =>
        log.committed({ group, topic: CALLS_TOPIC }).then(
          () => true,
          () => false,
        ),
      );
      const subscription = await log.subscribe({ topic: CALLS_TOPIC, group, start: [] });
      await untilHeld(subscription);
      await refuse(rights);
      const error = await subscription.failed;
      expect(error).toBeInstanceOf(UnreachableError);
      expect(error.message).toContain(`does not let User:app read the group ${prefix}${group} (GROUP_AUTHORIZATION_FAILED)`);
    });
  });
});
