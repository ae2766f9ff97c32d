interface KafkaFault {
  name?: string;
  /** Kafka's own name of the error, `NOT_LEADER_FOR_PARTITION`. */
  type?: string;
  /** Node's name of it, `ECONNREFUSED`. */
  code?: string | number;
  message?: string;
  retriable?: boolean;
  cause?: unknown;
}

/** The error and what caused it, outermost first. kafkajs wraps up to four times. */
function chain(error: unknown): KafkaFault[] {
  const faults: KafkaFault[] = [];
  for (let next = error; typeof next === "object" && next !== null && faults.length < 8; next = (next as KafkaFault).cause) {
    faults.push(next as KafkaFault);
  }
  return faults;
}

/** Whether the error, or what caused it, has one of the names: Kafka's types, kafkajs' class names, Node's codes. */
export function isFault(error: unknown, names: string[]): boolean {
  return chain(error).some(
    ({ name = "", type = "", code = "" }) => names.includes(type) || names.includes(name) || names.includes(String(code)),
  );
}

/** Whether asking again can help. kafkajs calls exhausted retries and a coordinator not found in time final; they are not. */
export function isPassing(error: unknown): boolean {
  const faults = chain(error);
  const passing = ["KafkaJSNumberOfRetriesExceeded", "KafkaJSGroupCoordinatorNotFound", "TimeoutError"];
  return faults.some(({ name = "" }) => passing.includes(name)) || faults.at(-1)?.retriable === true;
}

/** Why, in a few words: Kafka's name of the error with kafkajs' sentence. Neither quotes what a record says. */
export function reasonOf(error: unknown): string {
  const faults = chain(error);
  const { type } = faults.find((fault) => fault.type !== undefined) ?? {};
  const sentence = faults.at(-1)?.message ?? String(error);
  return type === undefined ? sentence : `${type}: ${sentence}`;
}
