import type { Pause } from "../controls.ts";
import type { ClaimRequest, DeliveryKey, DeliveryState, LogPosition, Receipt } from "../ledger.ts";
import { isNewer, type RecordPlace } from "../record-order.ts";

/** One delivery, with every column that an engine keeps. */
export interface Row extends DeliveryKey, LogPosition {
  state: DeliveryState;
  claimId: string | undefined;
  claimedBy: string | undefined;
  claimedUntil: number;
  ambiguous: boolean;
  attempts: number;
  agedMs: number;
  paced: boolean;
  awaits: string | undefined;
  replay: boolean;
  hash: string;
  sentFields: string[];
  receipt: Receipt | undefined;
  acceptedAt: number;
  updatedAt: number;
  dueAt: number | undefined;
  errorCode: string | undefined;
  reason: string | undefined;
  routesVersion: string | undefined;
  body: Uint8Array | undefined;
  /** Hashes of earlier versions of the call. */
  versions: string[];
  /** Of the newest version, where the call was delivered before it and the route does not want it. */
  unwanted: string | undefined;
  returned: number;
  returnedAt: number | undefined;
}

/** What a ledger holds. It is given, so that several ledgers may share one store, as several processes share one database. */
export interface MemoryStore {
  rows: Map<string, Row>;
  /** Rows that have not ended, by route: what the due loop looks through. */
  open: Map<string, Set<Row>>;
  /** Delivered rows that went without another route's receipt. */
  awaiting: Set<Row>;
  starts: Map<string, LogPosition[]>;
  positions: Map<string, Map<number, number>>;
  pauses: Map<string, Pause>;
  limiters: Map<string, { notBefore: number; nextAt: number }>;
}

export function createMemoryStore(): MemoryStore {
  return {
    rows: new Map(),
    open: new Map(),
    awaiting: new Set(),
    starts: new Map(),
    positions: new Map(),
    pauses: new Map(),
    limiters: new Map(),
  };
}

export const rowKey = ({ route, source, callId }: DeliveryKey) => `${route}\n${source}\n${callId}`;

export function openRowsOf(store: MemoryStore, route: string): Set<Row> {
  const known = store.open.get(route) ?? new Set();
  store.open.set(route, known);
  return known;
}

export const isSamePlace = (row: Row, item: LogPosition) => row.partition === item.partition && row.offset === item.offset;

export const NO_CLAIM = { claimId: undefined, claimedBy: undefined, claimedUntil: 0 };
export const MAX_REASON_LENGTH = 1_000;

export const isLive = (row: Row, nowMs: number) => row.state === "sending" && row.claimId !== undefined && row.claimedUntil > nowMs;

export const mayHaveArrived = (row: Row | undefined) =>
  row !== undefined && (row.ambiguous || (row.state === "sending" && row.claimId !== undefined));

/** A skipped version has no hash. */
export const versionsWith = ({ versions, unwanted }: Row, hash: string) =>
  [...new Set([...versions, ...(unwanted === undefined ? [] : [unwanted]), hash])].filter((one) => one !== "skipped");

/** Whether an earlier version of the call comes again; counts it. */
export function returns(row: Row, item: ClaimRequest, nowMs: number): boolean {
  if (!isNewer(item, row) || item.hash === row.hash || !row.versions.includes(item.hash)) return false;
  if (row.partition !== item.partition || row.offset < item.offset) Object.assign(row, { returned: row.returned + 1, returnedAt: nowMs });
  return true;
}

/** Notes a record that is not newer than its row: its version is known from now on, or its content came first with this record. */
export function passOver(row: Row, item: ClaimRequest): void {
  if (isNewer(item, row) || isSamePlace(row, item)) return;
  const { partition, offset, acceptedAt, hash } = item;
  if (hash === row.hash) Object.assign(row, { acceptedAt }, row.state === "sending" ? {} : { partition, offset });
  else if (!row.versions.includes(hash)) row.versions = [...row.versions, hash];
}

export const placeOf = ({ partition, offset, acceptedAt }: Row): RecordPlace => ({ partition, offset, acceptedAt });
