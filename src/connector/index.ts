/**
 * Everything of Patchbay that a connector may use: a folder under `connectors/` imports this file, its own SDK, and nothing else; one from outside
 * imports `patchbay/connector`. What is exported here is promised as long as {@link CONTRACT_VERSION} is the same; every other file may change.
 * `test/contracts/connector.contract.ts` is the suite that each connector passes against its sandbox.
 */

/** For connectors from outside, which may have no zod of their own. */
export { z } from "zod";
// The kit: batches, caches, receipts.
export { createKeyedQueue } from "../lib/async/keyed-queue.ts";
// The kit: requests, and what their ends mean.
export { abortable } from "../lib/async/timeout.ts";
export { memoize } from "../lib/cache/memoize.ts";
export { createGuardedHttp, discard, type GuardedAnswer, type GuardedHttp, NotReachedError } from "../lib/net/guarded-http.ts";
export { checkLiteralHost, RefusedAddressError, type ResolveName } from "../lib/net/public-address.ts";
export { parseRetryAfterMs, waitOf } from "../lib/net/retry-after.ts";
// The kit: settings.
export { Secret } from "../lib/secret.ts";
export { booleanSetting } from "../lib/text/boolean-setting.ts";
// The kit: what a call says, for people and machines.
export { ExactNumber, parseJsonExactly } from "../lib/text/exact-number.ts";
export { escapeHtml, truncate } from "../lib/text/text.ts";
export { wellFormed } from "../lib/text/well-formed.ts";
export { DURATION, formatDuration, parseDurationMs } from "../lib/time/duration.ts";
export { formatTime } from "../lib/time/format-time.ts";
export { unixMsOf } from "../lib/time/iso-time.ts";
// The contract: what a connector is, and what it gets and gives back.
export type { SharedCall } from "../model/call.ts";
export { canonicalJson, sortedJson } from "../model/canonical.ts";
export { type Customer, callTitle, customerLabel, customerOf, customersOf, homeCodeOf, type PossibleCustomer } from "../model/customer.ts";
export type { Failure, LimitScope, Outcome } from "../model/outcome.ts";
export { callingCodeOf, e164Of, isSameNumber, spelledForms, storedForms, typedGroups } from "../model/phone.ts";
export type { Person, Receipt } from "../model/receipt.ts";
export {
  CannotTellError,
  CONTRACT_VERSION,
  type Connector,
  type Delivery,
  defineConnector,
  type OpenDestination,
  OpenError,
  type OpenOptions,
  type OwnFiles,
  type Related,
  RematchError,
  type SentField,
  type SetupStep,
} from "./contract.ts";
export { chunk, halves, type SplitBudget, type SplitOptions, splitOnRefusal } from "./kit/batches.ts";
export { type Cache, createCache } from "./kit/cache.ts";
export { classifyHttp, type HttpApi, type HttpTable } from "./kit/classify-http.ts";
export {
  createExpiringCache,
  durationText,
  flag,
  outcomeOfEdge,
  outcomeOfStatus,
  remembered,
  timeText,
  untilAborted,
} from "./kit/contract-1.ts";
// The kit: customer relationship systems.
export { type Candidate, choosePeople, crmWords, leftOut, type Match, sideOf, whenNobody } from "./kit/crm.ts";
export { type HttpAnswer, requestJson } from "./kit/http.ts";
export { signJwt } from "./kit/jwt.ts";
export {
  ambiguous,
  byCode,
  down,
  gone,
  type Meaning,
  needsFix,
  rateLimited,
  rejected,
  serverFailed,
  skipped,
  toOutcome,
  tryLater,
} from "./kit/meaning.ts";
export { namingHost, outcomeOfNetworkError, outcomeOfReadingError } from "./kit/network-error.ts";
export { allParts, keepNotes, type NoteParts } from "./kit/notes.ts";
export { createPeople, type People } from "./kit/people.ts";
export { createLookup, type Lookup } from "./kit/people-lookup.ts";
export type { CallToMatch, Creation, Crm, CrmPerson, CrmSearch, NewPerson, PersonMatch, RefusedDetail } from "./kit/people-types.ts";
export {
  createRateLimiter,
  limitInHeaders,
  type RateLimiter,
  type RateLimitWait,
  RateLimitWaitError,
  type VendorLimit,
} from "./kit/rate-limiter.ts";
export { defineExtra, mark, type ReceiptExtra, words } from "./kit/receipt-extra.ts";
export { ambiguousSettings, httpSettings, secret } from "./kit/settings.ts";
export type { Sandbox, SandboxOptions, SandboxRecord, VendorFault } from "./sandbox.ts";
