/**
 * The verified, normalised call record: the only shape that connectors see.
 * Field names are VoiceInfra's own, so that routes.yaml, templates and code use one word for one thing.
 */
export interface CallRecord {
  call_id: string;
  from_number: string;
  to_number: string;
  agent_id: string;
  duration_seconds: number;
  /** ISO 8601, as received. */
  start_time: string;
  end_time: string;
  /** `answered`, `voicemail`, `failed`, or a word that VoiceInfra will invent later: kept as it is. */
  call_outcome: string;
  recording_url?: string;
  transcript?: string;
  summary?: string;
  /** Shape not documented: kept as it came. */
  metadata?: Record<string, unknown>;
  /** Every other field of the record, kept. */
  unknown: Record<string, unknown>;
}

export type Direction = "inbound" | "outbound" | "unknown";

/** What routes.yaml adds to the record: who the customer is, which agent took the call, whether it is a test. */
export interface Call extends CallRecord {
  /** The source's name in routes.yaml. Identity of a call is (source, call_id). */
  source: string;
  /** The agent's key under `agents:`, or "". */
  agent: string;
  /** The agent's name under `agents:`, else its id. */
  agent_name: string;
  /** The agent's owner under `agents:` (an email address), or "". */
  agent_owner: string;
  direction: Direction;
  /** The other side's number in E.164; "" when it is withheld, a SIP address, or unknown. */
  customer_number: string;
  test: boolean;
}

/** What a route may let out of the house. */
export const SHAREABLE = ["numbers", "summary", "recording", "transcript", "metadata"] as const;
export type Share = (typeof SHAREABLE)[number];
export const DEFAULT_SHARE: Share[] = ["numbers", "summary"];

/** Which fields of a {@link Call} each word of `share` lets out; fields in no list always go. */
export const SHARED_FIELDS: Record<Share, (keyof Call)[]> = {
  numbers: ["from_number", "to_number", "customer_number"],
  summary: ["summary"],
  recording: ["recording_url"],
  transcript: ["transcript"],
  metadata: ["metadata", "unknown"],
};

/** A call as a destination may see it: what its route withholds is absent. */
export type SharedCall = Omit<Call, "from_number" | "to_number" | "customer_number" | "unknown"> & {
  from_number?: string;
  to_number?: string;
  customer_number?: string;
  unknown?: Record<string, unknown>;
};
