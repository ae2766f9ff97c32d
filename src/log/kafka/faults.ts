interface KafkaFault {
  name?: string;
  /** Kafka's own name of the error, `NOT_LEADER_FOR_PARTITION`. */
  type?: string;
  /** Node's name of it, `ECONNREFUSED`. */
  code?: string | number;
  message?: string;
  /** Of a connection, `host:port`. */
  broker?: string;
  retriable?: boolean;
  cause?: unknown;
  /** Of several questions in one (topics to be made). */
  errors?: unknown[];
}

/** What Kafka says when this user has no right to do it. */
export const DENIED = ["TOPIC_AUTHORIZATION_FAILED", "CLUSTER_AUTHORIZATION_FAILED", "GROUP_AUTHORIZATION_FAILED"];

/** The error and what caused it, outermost first. kafkajs wraps up to four times. */
function chain(error: unknown): KafkaFault[] {
  const faults: KafkaFault[] = [];
  for (
    let next = error;
    typeof next === "object" && next !== null && faults.length < 8;
    next = (next as KafkaFault).cause ?? (next as KafkaFault).errors?.[0]
  ) {
    faults.push(next as KafkaFault);
  }
  return faults;
}

/** The innermost name that is wanted, of the error and what caused it: Kafka's types, Node's codes, kafkajs' class names. */
export function findFault(error: unknown, wanted: (name: string) => boolean): string | undefined {
  const names = chain(error).map(({ name = "", type = "", code = "" }) => [type, String(code), name]);
  return names.reverse().flat().find(wanted);
}

/** Whether the error, or what caused it, has one of the names. */
export function isFault(error: unknown, names: string[]): boolean {
  return findFault(error, (name) => names.includes(name)) !== undefined;
}

/** Whether asking again can help. kafkajs calls exhausted retries and a coordinator not found in time final; they are not. */
export function isPassing(error: unknown): boolean {
  const faults = chain(error);
  const passing = ["KafkaJSNumberOfRetriesExceeded", "KafkaJSGroupCoordinatorNotFound", "TimeoutError"];
  return faults.some(({ name = "" }) => passing.includes(name)) || faults.at(-1)?.retriable === true;
}

/** The broker that a connection's error is about, `host:port`. */
export function addressOf(error: unknown): string | undefined {
  return chain(error).find(({ broker }) => typeof broker === "string")?.broker;
}

/** Why, in a few words: Kafka's name of the error with kafkajs' sentence. Neither quotes what a record says. */
export function reasonOf(error: unknown): string {
  const faults = chain(error);
  const { type } = faults.find((fault) => fault.type !== undefined) ?? {};
  const sentence = plain(faults.at(-1)?.message ?? String(error));
  return type === undefined ? sentence : `${type}: ${sentence}`;
}

/** OpenSSL writes places of its source around what it says, Node advice for who started it, kafkajs that it was a connection's error. */
export function plain(sentence: string): string {
  return sentence
    .replace(/Connection error: /, "")
    .replace(/[0-9A-F]+:error:[0-9A-F]+:[^:]*:[^:]*:([^:]+):.*/s, "$1")
    .replace(/; if the root CA is installed locally.*$/s, "")
    .trim();
}
