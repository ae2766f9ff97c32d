/** Converts database rows to the types of the contract, for both engines. The engines' schemas describe the columns. */

import type { Receipt } from "../../model/receipt.ts";
import type { Claim, DueDelivery } from "../claims.ts";
import type { RecordPlace } from "../record-order.ts";
import type { DeliveryKey, DeliveryState, LogPosition } from "../types.ts";
import type { DeliveryRow } from "../views.ts";

export type Row = Record<string, unknown>;

/** People read reasons; a vendor's page of HTML is not one. */
export const MAX_REASON_LENGTH = 1_000;

/** One row by its key, parameters `$1` to `$3`. */
export const THIS_ROW = "route = $1 AND source = $2 AND call_id = $3";
export const NO_CLAIM = "claim_id = NULL, claimed_by = NULL, claimed_until = 0";
/** Of a row that a person puts on its route again: without its past failures. */
export const FROM_THE_START = "attempts = 0, aged_ms = 0, paced = 0, replay = 1, error_code = NULL";

/** Identifies a row of a batch. */
export function keyOf(row: Row): string {
  return `${row.route}\n${row.source}\n${row.call_id}`;
}

function textOrUndefined(value: unknown): string | undefined {
  return value === null || value === undefined ? undefined : String(value);
}

function numberOrUndefined(value: unknown): number | undefined {
  return value === null || value === undefined ? undefined : Number(value);
}

export function receiptOf(value: unknown): Receipt | undefined {
  return value === null || value === undefined ? undefined : JSON.parse(String(value));
}

/** 1 for a wait because the delivery itself failed. */
export const isCounted = ({ paced, awaits }: { paced?: boolean; awaits?: string }): 0 | 1 => (paced || awaits !== undefined ? 0 : 1);

/** The column beside the receipt that finds unmatched deliveries. */
export const foundOf = (receipt: Receipt): number | null => receipt.found ?? null;

export function toClaim(row: Row): Claim {
  return {
    ...toKey(row),
    claimId: String(row.claim_id),
    ambiguous: Boolean(Number(row.ambiguous)),
    attempts: Number(row.attempts),
    receipt: receiptOf(row.receipt),
    sentFields: JSON.parse(String(row.sent_fields)),
    agedMs: Number(row.aged_ms),
    paced: Number(row.paced) === 1,
    awaits: textOrUndefined(row.awaits),
    replay: Number(row.replay) === 1,
  };
}

/** The place of the row's record in the log, and when it was accepted. */
export function placeOf(row: Row): RecordPlace {
  return { partition: Number(row.log_partition), offset: Number(row.log_offset), acceptedAt: Number(row.accepted_at) };
}

export function toDueDelivery(row: Row): DueDelivery {
  return {
    ...toClaim(row),
    ...placeOf(row),
    hash: String(row.hash),
    body: row.body as Uint8Array,
    ...(row.forgotten ? { forgotten: true } : {}),
  };
}

export function toDeliveryRow(row: Row): DeliveryRow {
  return {
    ...toKey(row),
    ...placeOf(row),
    state: String(row.state) as DeliveryState,
    attempts: Number(row.attempts),
    updatedAt: Number(row.updated_at),
    dueAt: numberOrUndefined(row.due_at),
    errorCode: textOrUndefined(row.error_code),
    reason: textOrUndefined(row.reason),
    receipt: receiptOf(row.receipt),
    awaits: textOrUndefined(row.awaits),
    claimedBy: textOrUndefined(row.claimed_by),
    routesVersion: textOrUndefined(row.routes_version),
    returned: Number(row.returned),
    returnedAt: numberOrUndefined(row.returned_at),
  };
}

export function toKey({ route, source, call_id }: Row): DeliveryKey {
  return { route: String(route), source: String(source), callId: String(call_id) };
}

export function toPosition({ log_partition, log_offset }: Row): LogPosition {
  return { partition: Number(log_partition), offset: Number(log_offset) };
}
