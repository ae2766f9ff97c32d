/** From database rows to the contract's shapes: the same for both engines. Columns are described in the engines' schemas. */

import type { Claim, DeliveryRow, DeliveryState, DueDelivery, Receipt } from "./ledger.ts";
import type { RecordPlace } from "./record-order.ts";

export type Row = Record<string, unknown>;

/** People read reasons; a vendor's page of HTML is not one. */
export const MAX_REASON_LENGTH = 1_000;

/** Tells rows of one batch apart. */
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

/** 1 where a wait comes of a failure of the delivery itself. */
export const isCounted = ({ paced, awaits }: { paced?: boolean; awaits?: string }): 0 | 1 => (paced || awaits !== undefined ? 0 : 1);

/** The column beside the receipt, by which unmatched deliveries are found. */
export const foundOf = (receipt: Receipt): number | null => receipt.found ?? null;

/** Why a claim or a skip changed nothing. `leftMs`: of the claim that somebody holds, or held. */
export type Unchanged = { returned: boolean; older: boolean; state: DeliveryState; claimed: boolean; leftMs: number };

export function toUnchanged({ earlier, older, state, claimed, left_ms }: Row): Unchanged {
  return {
    returned: Boolean(earlier) && !older,
    older: Boolean(older),
    state: String(state) as DeliveryState,
    claimed: Boolean(claimed),
    leftMs: Number(left_ms),
  };
}

export function toClaim(row: Row): Claim {
  return {
    route: String(row.route),
    source: String(row.source),
    callId: String(row.call_id),
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

/** Where the row's record lies, and when it was accepted. */
export function placeOf(row: Row): RecordPlace {
  return { partition: Number(row.log_partition), offset: Number(row.log_offset), acceptedAt: Number(row.accepted_at) };
}

export function toDueDelivery(row: Row): DueDelivery {
  return {
    ...toClaim(row),
    ...placeOf(row),
    hash: String(row.hash),
    body: row.body as Uint8Array,
  };
}

export function toDeliveryRow(row: Row): DeliveryRow {
  return {
    route: String(row.route),
    source: String(row.source),
    callId: String(row.call_id),
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
