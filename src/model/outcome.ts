import type { Receipt } from "./receipt.ts";

/**
 * How one attempt ended. A connector says what happened; what follows is decided in one place (`src/delivery/pipeline/decide-settlement.ts`).
 * - `delivered`. `final`: this message is never edited, though others of the connector are (one line for many calls), so nothing that comes late is
 *   added to it.
 * - `retry`, by `because`: `record` (this call, later: a lock, 409, 423), `server` (5xx: because of this call or of all, which shows by whether other
 *   calls fail too), `rate-limit` (429 and the like), `down` (nothing reached it: refused connection, no DNS, 503 for all), `not-yet` (nothing failed:
 *   the call waits for something at the destination, as long as its route says; it neither ages nor counts as an attempt).
 * - `rejected`: this call can never be delivered as it is (400, mapping).
 * - `needs-fix`: a person must correct something (a credential, a permission, an address, a column's type); `fix` says what and how. With `stopsRoute`
 *   the destination is gone for good (410): the route is paused until a person resumes it, and nothing is sent meanwhile. Connectors of contract 1 may
 *   return the old name, `unauthorized`.
 * - `ambiguous`: the request was sent and no answer came: the record may be there. `lookUp` is the core's own: what came of `OpenDestination.find`.
 * `reason` is read by people and stored: it holds no numbers, names, summaries or secrets, and vendor messages only where they cannot quote the call.
 */
export type Outcome =
  | { kind: "delivered"; receipt: Receipt; final?: true }
  | { kind: "skipped"; reason: string }
  | { kind: "retry"; because: "record" | "server" | "down"; code: string; reason: string; retryAfterMs?: number }
  | { kind: "retry"; because: "not-yet"; code: string; reason: string; retryAfterMs: number }
  | { kind: "retry"; because: "rate-limit"; scope?: LimitScope; code: string; reason: string; retryAfterMs?: number }
  | { kind: "rejected"; code: string; reason: string }
  | { kind: "needs-fix"; code: string; reason: string; fix: string; stopsRoute?: true }
  | { kind: "ambiguous"; code: string; reason: string; lookUp?: "failed" | "impossible" };

/** Any outcome but a delivery. */
export type Failure = Exclude<Outcome, { kind: "delivered" }>;

/** What a rate limit stops: everything to the destination (default), its `Connector.target`, or this call alone. */
export type LimitScope = "destination" | "target" | "call";
