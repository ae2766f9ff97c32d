import { UsageError } from "../../errors.ts";
import { didYouMean } from "../../lib/text/did-you-mean.ts";
import { readSasl, readTls, type Sasl, type Tls } from "./security.ts";
import { OPTIONS, type Option, type Options } from "./url-options.ts";

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
  tls: Tls | undefined;
  sasl: Sasl | undefined;
}

const DAY_MS = 86_400_000;
const DEFAULT_PORT = 9092;
const SHAPE = "kafka://host:9092,host:9092?option=value";

/**
 * Reads `kafka://[user:password@]host[:port][,host[:port]…][?options]`; docs/kafka.md lists the options. The password may need
 * percent-encoding (`@` is `%40`).
 * @throws {UsageError} which quotes nothing of the URL but options that are known, and names of files: it may hold a password anywhere.
 */
export function readSettings(url: string): KafkaSettings {
  // By hand: to `URL`, a second `host:port` is a port with letters in it.
  const parts = /^kafka:\/\/(?:(?<login>[^/?]*)@)?(?<hosts>[^@/?]+)\/?(?:\?(?<query>.*))?$/.exec(url)?.groups;
  if (!parts) throw refuse("the log's URL cannot be read", `It has the form ${SHAPE}; percent-encode / ? @ and : in a password.`);
  const options = readOptions(parts.query ?? "");
  const brokers = (parts.hosts ?? "").split(",").map(readBroker);
  const tls = readTls(options);
  return {
    brokers,
    prefix: readPrefix(options),
    partitions: readNumber(options, "partitions", { most: 10_000 }),
    replication: readNumber(options, "replication", { most: 32 }),
    minInsync: readNumber(options, "min_insync", { most: 32 }),
    retentionMs: readNumber(options, "retention_ms", { most: Number.MAX_SAFE_INTEGER }) ?? 14 * DAY_MS,
    tls,
    sasl: readSasl({ options, login: parts.login, brokers, encrypted: tls !== undefined }),
  };
}

function refuse(message: string, hint: string): UsageError {
  return new UsageError(message, { hint });
}

function readOptions(query: string): Options {
  const options: Options = {};
  for (const [index, [name, value]] of [...new URLSearchParams(query)].entries()) {
    const option = OPTIONS.find((one) => one === name);
    if (option === undefined) {
      const near = didYouMean(name, OPTIONS);
      const what =
        near === undefined ? `option ${index + 1} of the Kafka log's URL does not exist` : `the Kafka log has no option "${name}"`;
      throw refuse(what, `${near ?? ""} There are: ${OPTIONS.join(", ")}.`.trim());
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
