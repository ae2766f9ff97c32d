/** A record as a broker sends it; key and value are slices of the answer. */
export interface KafkaRecord {
  offset: string;
  timestamp: string;
  key: Buffer | null;
  value: Buffer | null;
  headers?: Record<string, unknown>;
  isControlRecord?: boolean;
  /** In place of a batch that cannot be read: `batches.ts`. */
  unreadable?: Unreadable;
}

/** Offsets of a batch that cannot be read, and why: never with anything of what it holds. */
export interface Unreadable {
  from: number;
  /** Up to, not including, this one. */
  to: number;
  reason: string;
}
