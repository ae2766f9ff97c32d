/** What producer, reader and members have in common: addresses, credentials, sockets, and where kafkajs' messages go. */
import { hostname } from "node:os";
import { Cluster, createLogger, Kafka, logLevel } from "./driver/load.ts";
import type { logCreator, RetryOptions, SASLOptions } from "./driver/types.ts";
import { plain } from "./errors.ts";
import type { KafkaSettings } from "./settings.ts";
import { createSockets } from "./sockets.ts";

/** Something an operator may want to know. Never holds what a record says. */
export interface KafkaEvent {
  severity: "warning" | "error";
  text: string;
  group?: string;
  partition?: number;
}

const CONNECT_WITHIN_MS = 5_000;
/** Longer than a broker waits for its replicas (5 s), so that a slow answer is not taken for none. */
const ANSWER_WITHIN_MS = 10_000;
const METADATA_MAX_AGE_MS = 60_000;
const READ_UNCOMMITTED = 0;
/** While Kafka is away kafkajs says so a dozen times a second: each sentence is forwarded once in a while. */
const SAY_AGAIN_AFTER_MS = 10_000;
const MAX_REMEMBERED = 200;

export interface KafkaClient {
  /** `host:port,host:port` */
  address: string;
  kafka: Kafka;
  /** A connection of its own for questions that kafkajs' public clients cannot ask. */
  createCluster(): Cluster;
  /** Ends every connection at once, now and for good. */
  destroy(): void;
}

export function createClient(options: { settings: KafkaSettings; retry: RetryOptions; onEvent(event: KafkaEvent): void }): KafkaClient {
  const { settings, retry, onEvent } = options;
  const { brokers, tls } = settings;
  const sockets = createSockets();
  let destroyed = false;
  const logging = {
    logLevel: logLevel.WARN,
    logCreator: forwardTo((event) => {
      if (!destroyed) onEvent(event);
    }, settings),
  };
  const common = {
    brokers,
    clientId: `patchbay-${hostname().replaceAll(/[^A-Za-z0-9._-]/g, "-")}-${process.pid}`,
    ssl: tls && { ca: tls.ca, cert: tls.cert, key: tls.key?.reveal(), passphrase: tls.passphrase?.reveal() },
    sasl: saslOf(settings),
    socketFactory: sockets.factory,
    connectionTimeout: CONNECT_WITHIN_MS,
    requestTimeout: ANSWER_WITHIN_MS,
    enforceRequestTimeout: true,
    retry,
  };
  return {
    address: brokers.join(","),
    kafka: new Kafka({ ...common, ...logging }),
    createCluster: () =>
      new Cluster({
        ...common,
        metadataMaxAge: METADATA_MAX_AGE_MS,
        allowAutoTopicCreation: false,
        isolationLevel: READ_UNCOMMITTED,
        logger: createLogger({ level: logging.logLevel, logCreator: logging.logCreator }),
      }),
    destroy() {
      destroyed = true;
      sockets.destroy();
    },
  };
}

function saslOf({ sasl }: KafkaSettings): SASLOptions | undefined {
  if (!sasl) return undefined;
  const { mechanism, username } = sasl;
  const password = sasl.password.reveal();
  // Three branches, since kafkajs' union type does not take a mechanism that is not known yet.
  if (mechanism === "plain") return { mechanism, username, password };
  if (mechanism === "scram-sha-256") return { mechanism, username, password };
  return { mechanism, username, password };
}

/** kafkajs logs fields of all kinds, stacks and requests among them; only its sentence and the fields named here are forwarded. */
function forwardTo(onEvent: (event: KafkaEvent) => void, { sasl }: KafkaSettings): logCreator {
  const clean = (text: string) => (sasl ? text.replaceAll(sasl.password.reveal(), "[secret]") : text);
  const saidAtMs = new Map<string, number>();
  function isNews(sentence: string): boolean {
    const nowMs = performance.now();
    if (nowMs - (saidAtMs.get(sentence) ?? Number.NEGATIVE_INFINITY) < SAY_AGAIN_AFTER_MS) return false;
    if (saidAtMs.size >= MAX_REMEMBERED) saidAtMs.clear();
    saidAtMs.set(sentence, nowMs);
    return true;
  }
  return () =>
    ({ namespace, log }) => {
      // The caller handles an answer with an error; a topic that is just being created gives a dozen.
      if (namespace === "Connection" && log.message.startsWith("Response ")) return;
      const why = typeof log.error === "string" ? `: ${log.error}` : "";
      const group = typeof log.groupId === "string" ? { group: log.groupId } : {};
      const partition = typeof log.partition === "number" ? { partition: log.partition } : {};
      const broker = typeof log.broker === "string" ? ` (${log.broker})` : "";
      // Never an error: kafkajs recovers from most of what it calls one, and throws the rest.
      const text = clean(`${namespace}: ${plain(log.message)}${why}${broker}`);
      if (isNews(`${text} ${log.groupId ?? ""} ${log.partition ?? ""}`)) onEvent({ severity: "warning", text, ...group, ...partition });
    };
}
