import { readFileSync } from "node:fs";
import { UsageError } from "../../errors.ts";
import { didYouMean } from "../../lib/did-you-mean.ts";
import { Secret } from "../../lib/secret.ts";

const SASL_MECHANISMS = ["plain", "scram-sha-256", "scram-sha-512"] as const;
export type SaslMechanism = (typeof SASL_MECHANISMS)[number];

export interface KafkaSettings {
  /** `host:port`, at least one. */
  brokers: string[];
  /** In front of topic and group names. */
  prefix: string;
  /** Of `patchbay.calls`; undefined: as many as it has, 12 where we make it. */
  partitions: number | undefined;
  /** Copies of each record; undefined: three where there are three brokers, else one. */
  replication: number | undefined;
  /** Copies that must be written before a record counts as stored; undefined: two of three, else one. */
  minInsync: number | undefined;
  retentionMs: number;
  tls: { ca: string | undefined } | undefined;
  sasl: { mechanism: SaslMechanism; username: string; password: Secret } | undefined;
}

const DAY_MS = 86_400_000;
const DEFAULT_PORT = 9092;
const SHAPE = "kafka://host:9092,host:9092?option=value";

/**
 * Reads `kafka://[user:password@]host[:port][,host[:port]…][?options]`. The password may need percent-encoding (`@` is `%40`).
 *
 * | option | default | meaning |
 * |---|---|---|
 * | `partitions` | as many as the topic has; 12 where we make it | of the topic `patchbay.calls` |
 * | `replication` | 3 with three brokers or more, else 1 | copies of each record |
 * | `min_insync` | 2 with a replication of 3 or more, else 1 | copies that must be written before a call is accepted |
 * | `retention_ms` | 1209600000 (14 days) | how long calls are kept; used when the topic is made |
 * | `prefix` | none | in front of the names of topics and consumer groups, for clusters that are shared |
 * | `tls` | false | `true`: encrypted, certificates are verified |
 * | `ca` | the system's | PEM file of the authority that signed the brokers' certificates; implies `tls=true` |
 * | `sasl` | none | `plain`, `scram-sha-256` or `scram-sha-512`, with `user:password@` in the URL |
 *
 * @throws {UsageError} which never quotes the URL: it may hold a password.
 */
export function readSettings(url: string): KafkaSettings {
  // By hand: to `URL`, a second `host:port` is a port with letters in it.
  const parts = /^kafka:\/\/(?:(?<login>[^/?]*)@)?(?<hosts>[^@/?]+)\/?(?:\?(?<query>.*))?$/.exec(url)?.groups;
  if (!parts) throw refuse("the log's URL cannot be read", `It has the form ${SHAPE}; percent-encode / ? @ and : in a password.`);
  const options = readOptions(parts.query ?? "");
  const tls = readTls(options);
  return {
    brokers: (parts.hosts ?? "").split(",").map(readBroker),
    prefix: readPrefix(options),
    partitions: readNumber(options, "partitions", { most: 10_000 }),
    replication: readNumber(options, "replication", { most: 32 }),
    minInsync: readNumber(options, "min_insync", { most: 32 }),
    retentionMs: readNumber(options, "retention_ms", { most: Number.MAX_SAFE_INTEGER }) ?? 14 * DAY_MS,
    tls,
    sasl: readSasl(options, parts.login),
  };
}

const OPTIONS = ["partitions", "replication", "min_insync", "retention_ms", "prefix", "tls", "ca", "sasl"] as const;
type Option = (typeof OPTIONS)[number];
type Options = Partial<Record<Option, string>>;

function refuse(message: string, hint: string): UsageError {
  return new UsageError(message, { hint });
}

function readOptions(query: string): Options {
  const options: Options = {};
  for (const [name, value] of new URLSearchParams(query)) {
    const option = OPTIONS.find((one) => one === name);
    if (option === undefined) {
      throw refuse(`the Kafka log has no option "${name}"`, `${didYouMean(name, OPTIONS) ?? ""} There are: ${OPTIONS.join(", ")}.`.trim());
    }
    if (options[option] !== undefined) throw refuse(`the Kafka log's option "${name}" is given twice`, "Give it once.");
    options[option] = value;
  }
  return options;
}

function readBroker(text: string): string {
  const { host, port = String(DEFAULT_PORT) } = /^(?<host>[A-Za-z0-9._-]+)(?::(?<port>\d{1,5}))?$/.exec(text.trim())?.groups ?? {};
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535) {
    throw refuse("a broker's address in the log's URL cannot be read", `The URL has the form ${SHAPE}.`);
  }
  return `${host}:${Number(port)}`;
}

function readNumber(options: Options, name: Option, { most }: { most: number }): number | undefined {
  const text = options[name];
  if (text === undefined) return undefined;
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < 1 || number > most)
    throw refuse(`the Kafka log's option "${name}" is not a whole number from 1 to ${most}`, `For example ${name}=3.`);
  return number;
}

function readPrefix({ prefix = "" }: Options): string {
  // What Kafka allows in a topic's name; 249 letters is its limit, ours are 19.
  if (!/^[A-Za-z0-9._-]{0,200}$/.test(prefix))
    throw refuse(
      'the Kafka log\'s option "prefix" has letters that Kafka refuses',
      "Letters, digits, dot, underscore and hyphen are allowed.",
    );
  return prefix;
}

function readTls({ tls, ca }: Options): KafkaSettings["tls"] {
  if (tls !== undefined && tls !== "true" && tls !== "false")
    throw refuse('the Kafka log\'s option "tls" is neither true nor false', "Say tls=true.");
  if (ca === undefined) return tls === "true" ? { ca: undefined } : undefined;
  if (tls === "false") throw refuse('the Kafka log has "ca" and tls=false', "Leave one of them out.");
  try {
    return { ca: readFileSync(ca, "utf8") };
  } catch (cause) {
    throw new UsageError(`the Kafka log's "ca" file cannot be read: ${ca}`, {
      hint: "It is a PEM file with the authority's certificate.",
      cause,
    });
  }
}

function readSasl({ sasl }: Options, login: string | undefined): KafkaSettings["sasl"] {
  if (sasl === undefined && login === undefined) return undefined;
  if (sasl === undefined)
    throw refuse(
      "the log's URL has a user and no sasl option",
      `Say how to log in: ${SASL_MECHANISMS.map((one) => `sasl=${one}`).join(", ")}.`,
    );
  const mechanism = SASL_MECHANISMS.find((one) => one === sasl);
  if (mechanism === undefined)
    throw refuse(
      `the Kafka log knows no sasl "${sasl}"`,
      `${didYouMean(sasl, SASL_MECHANISMS) ?? ""} There are: ${SASL_MECHANISMS.join(", ")}.`.trim(),
    );
  const colon = login?.indexOf(":") ?? -1;
  if (login === undefined || colon < 1 || colon === login.length - 1) {
    throw refuse(`sasl=${sasl} needs a user and a password`, "Put them in front of the host: kafka://user:password@host:9092?sasl=…");
  }
  try {
    return {
      mechanism,
      username: decodeURIComponent(login.slice(0, colon)),
      password: new Secret(decodeURIComponent(login.slice(colon + 1))),
    };
  } catch {
    throw refuse("the user or the password in the log's URL cannot be read", "A % in them is written %25.");
  }
}
