/** What may be known of an error of kafkajs, Node or OpenSSL. */
interface ErrorParts {
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
function chain(error: unknown): ErrorParts[] {
  const errors: ErrorParts[] = [];
  for (
    let next = error;
    typeof next === "object" && next !== null && errors.length < 8;
    next = (next as ErrorParts).cause ?? (next as ErrorParts).errors?.[0]
  ) {
    errors.push(next as ErrorParts);
  }
  return errors;
}

/** The innermost code that is wanted, of the error and its causes: Kafka's types, Node's codes, kafkajs' class names. */
export function findErrorCode(error: unknown, wanted: (name: string) => boolean): string | undefined {
  const names = chain(error).map(({ name = "", type = "", code = "" }) => [type, String(code), name]);
  return names.reverse().flat().find(wanted);
}

/** Whether the error or one of its causes has one of the codes. */
export function hasErrorCode(error: unknown, names: string[]): boolean {
  return findErrorCode(error, (name) => names.includes(name)) !== undefined;
}

/** Whether asking again can help. kafkajs calls exhausted retries and a coordinator not found in time final; they are not. */
export function isTransient(error: unknown): boolean {
  const errors = chain(error);
  const passing = ["KafkaJSNumberOfRetriesExceeded", "KafkaJSGroupCoordinatorNotFound", "TimeoutError"];
  return errors.some(({ name = "" }) => passing.includes(name)) || errors.at(-1)?.retriable === true;
}

/** The broker that a connection's error is about, `host:port`. */
export function addressOf(error: unknown): string | undefined {
  return chain(error).find(({ broker }) => typeof broker === "string")?.broker;
}

/** Why, in a few words: Kafka's name of the error with kafkajs' sentence. Neither quotes what a record says. */
export function reasonOf(error: unknown): string {
  const errors = chain(error);
  const { type } = errors.find((one) => one.type !== undefined) ?? {};
  const sentence = plain(errors.at(-1)?.message ?? String(error));
  return type === undefined ? sentence : `${type}: ${sentence}`;
}

/** Removes what OpenSSL (places in its source), Node (advice on how to start it) and kafkajs write around a sentence. */
export function plain(sentence: string): string {
  return sentence
    .replace(/Connection error: /, "")
    .replace(/[0-9A-F]+:error:[0-9A-F]+:[^:]*:[^:]*:([^:]+):.*/s, "$1")
    .replace(/; if the root CA is installed locally.*$/s, "")
    .trim();
}
