/** What Kafka, TLS and the network answer, as a person reads it: what is wrong, and the next step. One table for all of it. */
import type { KafkaSettings } from "./settings.ts";

/** What was to be done, as Kafka names it in its rights (`kafka-acls.sh --operation`). */
export interface Deed {
  topic?: string;
  group?: string;
  operation?: "Describe" | "Read" | "Write" | "Create";
}

export interface Known extends Deed {
  settings: KafkaSettings;
  /** What the error itself says. */
  detail: string;
}

/** Behind "Kafka at host:9092 …", and the step. */
export type Sentence = [says: (known: Known) => string, step: (known: Known) => string];

const say = (says: string, step: string): Sentence => [() => says, () => step];
const topicOf = ({ topic }: Known) => topic ?? "the topic";
const groupOf = ({ group }: Known) => (group === undefined ? "the group" : `the group ${group}`);

const WAIT = "It mostly passes within seconds. Where it does not, a broker may be down; the brokers' logs say why.";
export const LOGS = "The brokers' logs say more.";
const REPORT = "That is a fault of Patchbay: please report it with this line.";
const MAKE = "Have it made by somebody who may, as docs/kafka.md shows.";
const OTHER_CA = "Name the file of the authority that signed the brokers' certificates: ca=/path/ca.pem.";

const NOBODY: Sentence = say("does not answer: nothing listens there", "Is it running, and is that its address as seen from here?");
const NO_WAY: Sentence = say(
  "cannot be reached from here",
  "Is that its address as seen from here, and do firewalls let this host through?",
);
export const LATE: Sentence = say(
  "does not answer in time",
  "Is it running, and is that its address and port as seen from here? Firewalls stay silent, too.",
);
const CLOSED: Sentence = [
  () => "closes the connection",
  ({ settings: { tls, sasl } }) => {
    const wanted = [...(tls ? [] : ["TLS (tls=true, or ca=…)"]), ...(sasl ? [] : ["a login (sasl=… with user:password@)"])];
    return wanted.length === 0 ? `Is it a broker's port for clients? ${LOGS}` : `The port may want ${wanted.join(" or ")}. ${LOGS}`;
  },
];
export const NO_TLS: Sentence = say(
  "does not speak TLS on this port",
  "Name the brokers' port for TLS in the log's URL, or leave tls and ca out where the network may read every call.",
);
const UNKNOWN_AUTHORITY: Sentence = [
  () => "has a certificate of an authority that is not known here",
  ({ settings: { tls } }) => (tls?.ca === undefined ? OTHER_CA : `The ca file is another authority's. ${OTHER_CA}`),
];
export const CLIENT_CERTIFICATE: Sentence = [
  ({ settings: { tls } }) =>
    tls?.cert === undefined ? "asks for a certificate of the client" : "does not accept the client's certificate",
  ({ settings: { tls } }) =>
    tls?.cert === undefined
      ? "Name one, and its key: cert=/path/client.pem&key=/path/client.key."
      : "Is it valid still, and signed by an authority that the brokers trust (ssl.truststore)?",
];
const MOVING: Sentence = [(known) => `is moving partitions of ${topicOf(known)} to other brokers just now`, () => WAIT];
const NO_COORDINATOR: Sentence = [(known) => `has no coordinator for ${groupOf(known)} just now`, () => WAIT];
const MOVED_ON: Sentence = [(known) => `has moved on with ${groupOf(known)}: members join and leave`, () => WAIT];
const COPIES: Sentence = [
  (known) => `has too few copies of ${topicOf(known)} in sync to store a record`,
  () => "Start the brokers that are missing (min.insync.replicas of the topic says how many copies are needed).",
];
const DISK: Sentence = [(known) => `cannot read or write ${topicOf(known)} on its disk`, () => `Look after the broker's disk. ${LOGS}`];
const SIZE: Sentence = [
  (known) => `refuses a record of ${topicOf(known)} as too large`,
  () => "Raise max.message.bytes of the topic to 2097152; docs/kafka.md has the command.",
];
const SHAPE: Sentence = [
  (known) => `does not take ${topicOf(known)} as Patchbay would make it: ${known.detail}`,
  () => `${MAKE} partitions=… and replication=… in the log's URL ask for other numbers.`,
];
const VERSION: Sentence = say(
  "does not know the request in any version that Patchbay speaks",
  "Patchbay needs Kafka 2.3 or newer; docs/kafka.md says which versions it was run against.",
);
const NOT_OURS: Sentence = [({ detail }) => `gave an answer to nothing that was asked: ${detail}`, () => REPORT];
const LOGIN: Sentence = [
  ({ settings }) => `refuses the login of ${principalOf(settings)}`,
  () => "Check user, password (percent-encoded) and the sasl option of the log's URL.",
];

/** By Kafka's names of an error, kafkajs' name of a class, Node's or OpenSSL's code. */
const SENTENCES: [Sentence, string][] = [
  [LOGIN, "KafkaJSSASLAuthenticationError SASL_AUTHENTICATION_FAILED"],
  [
    [
      ({ settings }) => `does not offer sasl=${settings.sasl?.mechanism}`,
      () => "Say what it offers: sasl=plain, scram-sha-256 or scram-sha-512.",
    ],
    "UNSUPPORTED_SASL_MECHANISM",
  ],
  [
    say("takes no login on this port", "Leave sasl and user:password@ out, or name the brokers' port for logins."),
    "ILLEGAL_SASL_STATE SECURITY_DISABLED",
  ],
  [
    [
      (known) => `does not let ${principalOf(known.settings)} ${deedOf(known)} the topic ${known.topic ?? ""}`.trimEnd(),
      (known) => grant(known, `--topic ${known.topic ?? "<topic>"}`, "topics"),
    ],
    "TOPIC_AUTHORIZATION_FAILED",
  ],
  [
    [
      (known) => `does not let ${principalOf(known.settings)} ${deedOf({ operation: "Read", ...known })} ${groupOf(known)}`,
      (known) => grant({ operation: "Read", ...known }, `--group ${known.group ?? "<group>"}`, "groups"),
    ],
    "GROUP_AUTHORIZATION_FAILED",
  ],
  [
    [
      (known) => `does not let ${principalOf(known.settings)} do this in the cluster`,
      () => "docs/kafka.md lists the rights that Patchbay needs; none of them is the cluster's, but Create where it makes the topics.",
    ],
    "CLUSTER_AUTHORIZATION_FAILED TRANSACTIONAL_ID_AUTHORIZATION_FAILED DELEGATION_TOKEN_AUTHORIZATION_FAILED",
  ],
  [NOBODY, "ECONNREFUSED"],
  [say("cannot be found: no name service knows this host", "Is it spelled right, and known from here?"), "ENOTFOUND"],
  [say("cannot be found: the name service does not answer", "Is this host's network up?"), "EAI_AGAIN"],
  [NO_WAY, "EHOSTUNREACH ENETUNREACH EADDRNOTAVAIL EACCES EPERM"],
  [LATE, "ETIMEDOUT KafkaJSRequestTimeoutError KafkaJSLockTimeout TimeoutError"],
  [CLOSED, "KafkaJSConnectionClosedError ECONNRESET EPIPE"],
  [
    NO_TLS,
    "ERR_SSL_WRONG_VERSION_NUMBER ERR_SSL_PACKET_LENGTH_TOO_LONG EPROTO ERR_SSL_UNSUPPORTED_PROTOCOL ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION",
  ],
  [
    UNKNOWN_AUTHORITY,
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE UNABLE_TO_GET_ISSUER_CERT UNABLE_TO_GET_ISSUER_CERT_LOCALLY SELF_SIGNED_CERT_IN_CHAIN CERT_UNTRUSTED INVALID_CA CERT_SIGNATURE_FAILURE",
  ],
  [
    say(
      "has a certificate that it signed itself",
      "Name that certificate's file: ca=/path/broker.pem; or give the broker one of an authority.",
    ),
    "DEPTH_ZERO_SELF_SIGNED_CERT",
  ],
  [say("has a certificate that has expired", "Give the broker a new one; is this host's clock right?"), "CERT_HAS_EXPIRED"],
  [say("has a certificate that is not valid yet", "Is this host's clock right, and the broker's?"), "CERT_NOT_YET_VALID"],
  [say("has a certificate that was revoked", "Give the broker a new one."), "CERT_REVOKED"],
  [
    say("has a certificate for another host", "Use the name that is in it, in the log's URL and in the brokers' advertised.listeners."),
    "ERR_TLS_CERT_ALTNAME_INVALID HOSTNAME_MISMATCH",
  ],
  [
    [
      (known) => `has no ${known.topic === undefined ? "such topic" : `topic ${known.topic}`}`,
      () => "Was it deleted? `patchbay up` or `patchbay ingress` makes it; the routes' ledger then belongs to another log (docs/kafka.md).",
    ],
    "UNKNOWN_TOPIC_OR_PARTITION",
  ],
  [say("had an error that it did not expect", LOGS), "UNKNOWN"],
  [[(known) => `does not have the offset of ${topicOf(known)} that was asked for`, () => WAIT], "OFFSET_OUT_OF_RANGE"],
  [
    MOVING,
    "LEADER_NOT_AVAILABLE NOT_LEADER_FOR_PARTITION REPLICA_NOT_AVAILABLE BROKER_NOT_AVAILABLE KafkaJSBrokerNotFound FENCED_LEADER_EPOCH UNKNOWN_LEADER_EPOCH OFFSET_NOT_AVAILABLE PREFERRED_LEADER_NOT_AVAILABLE ELIGIBLE_LEADERS_NOT_AVAILABLE REASSIGNMENT_IN_PROGRESS LISTENER_NOT_FOUND",
  ],
  [
    say("did not answer a request of its own brokers in time", WAIT),
    "REQUEST_TIMED_OUT NETWORK_EXCEPTION NOT_CONTROLLER STALE_CONTROLLER_EPOCH STALE_BROKER_EPOCH OPERATION_NOT_ATTEMPTED",
  ],
  [
    NO_COORDINATOR,
    "GROUP_LOAD_IN_PROGRESS GROUP_COORDINATOR_NOT_AVAILABLE NOT_COORDINATOR_FOR_GROUP KafkaJSGroupCoordinatorNotFound UNSTABLE_OFFSET_COMMIT",
  ],
  [MOVED_ON, "ILLEGAL_GENERATION UNKNOWN_MEMBER_ID REBALANCE_IN_PROGRESS MEMBER_ID_REQUIRED FENCED_INSTANCE_ID"],
  [
    [
      (known) => `has members of another kind in ${groupOf(known)}`,
      () => "Another program uses the group's name: give one of the two another prefix (prefix=…).",
    ],
    "INCONSISTENT_GROUP_PROTOCOL INVALID_GROUP_ID",
  ],
  [
    [(known) => `still has members in ${groupOf(known)}`, () => "Stop the connectors of the route first."],
    "NON_EMPTY_GROUP GROUP_SUBSCRIBED_TO_TOPIC",
  ],
  [
    [
      (known) => `takes no more members into ${groupOf(known)}`,
      () => "Run fewer replicas of the route, or raise the brokers' group.max.size.",
    ],
    "GROUP_MAX_SIZE_REACHED",
  ],
  [
    say(
      "does not allow the time after which a silent member counts as dead",
      "12 s must lie between the brokers' group.min.session.timeout.ms and group.max.session.timeout.ms.",
    ),
    "INVALID_SESSION_TIMEOUT",
  ],
  [COPIES, "NOT_ENOUGH_REPLICAS NOT_ENOUGH_REPLICAS_AFTER_APPEND"],
  [DISK, "KAFKA_STORAGE_ERROR LOG_DIR_NOT_FOUND CORRUPT_MESSAGE"],
  [SIZE, "MESSAGE_TOO_LARGE RECORD_LIST_TOO_LARGE"],
  [
    say("does not take what a commit says beside its position", "Raise the brokers' offset.metadata.max.bytes to its default, 4096."),
    "OFFSET_METADATA_TOO_LARGE INVALID_COMMIT_OFFSET_SIZE",
  ],
  [
    [
      (known) => `does not take the time of a record of ${topicOf(known)}`,
      () => "Set message.timestamp.type=LogAppendTime on the topic, as docs/kafka.md shows.",
    ],
    "INVALID_TIMESTAMP",
  ],
  [
    SHAPE,
    "INVALID_TOPIC_EXCEPTION INVALID_PARTITIONS INVALID_REPLICATION_FACTOR INVALID_REPLICA_ASSIGNMENT INVALID_CONFIG POLICY_VIOLATION TOPIC_ALREADY_EXISTS",
  ],
  [VERSION, "UNSUPPORTED_VERSION UNSUPPORTED_FOR_MESSAGE_FORMAT UNSUPPORTED_COMPRESSION_TYPE KafkaJSServerDoesNotSupportApiKey"],
  [
    NOT_OURS,
    "INVALID_FETCH_SIZE INVALID_REQUIRED_ACKS INVALID_REQUEST INVALID_RECORD OUT_OF_ORDER_SEQUENCE_NUMBER DUPLICATE_SEQUENCE_NUMBER INVALID_PRODUCER_EPOCH INVALID_TXN_STATE INVALID_PRODUCER_ID_MAPPING INVALID_TRANSACTION_TIMEOUT CONCURRENT_TRANSACTIONS TRANSACTION_COORDINATOR_FENCED UNKNOWN_PRODUCER_ID DELEGATION_TOKEN_AUTH_DISABLED DELEGATION_TOKEN_NOT_FOUND DELEGATION_TOKEN_OWNER_MISMATCH DELEGATION_TOKEN_REQUEST_NOT_ALLOWED DELEGATION_TOKEN_EXPIRED INVALID_PRINCIPAL_TYPE GROUP_ID_NOT_FOUND FETCH_SESSION_ID_NOT_FOUND INVALID_FETCH_SESSION_EPOCH TOPIC_DELETION_DISABLED ELECTION_NOT_NEEDED NO_REASSIGNMENT_IN_PROGRESS",
  ],
];

export const SENTENCE_OF: ReadonlyMap<string, Sentence> = new Map(
  SENTENCES.flatMap(([sentence, names]) => names.split(" ").map((name) => [name, sentence] as const)),
);

/** As Kafka names who asks, so far as it is known here. */
function principalOf({ sasl, tls }: KafkaSettings): string {
  if (sasl) return `User:${sasl.username}`;
  return tls?.subject === undefined ? "this user (User:ANONYMOUS)" : `User:${tls.subject}`;
}

function deedOf({ operation = "Describe" }: Deed): string {
  return { Describe: "see", Read: "read", Write: "write to", Create: "create" }[operation];
}

function grant({ settings, operation = "Describe" }: Known, resource: string, what: "topics" | "groups"): string {
  const principal = principalOf(settings).replace(/^this user \((.*)\)$/, "$1");
  const all = what === "topics" ? "Describe, DescribeConfigs, Read and Write on both topics" : "Read and Describe on its groups";
  return `Grant it: kafka-acls.sh --add --allow-principal '${principal}' --operation ${operation} ${resource} (it needs ${all}).`;
}
