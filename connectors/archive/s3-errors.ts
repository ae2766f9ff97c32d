import { type Outcome, outcomeOfEdge, outcomeOfNetworkError, parseRetryAfterMs, waitOf } from "../../src/connector/index.ts";

type Failure = Exclude<Outcome, { kind: "delivered" | "skipped" }>;
type Class = (code: string) => Failure;

const needsFix =
  (reason: string, fix: string): Class =>
  (code) => ({ kind: "needs-fix", code, reason: `${reason} (${code})`, fix });
const rejected =
  (reason: string): Class =>
  (code) => ({ kind: "rejected", code, reason: `${reason} (${code})` });
const server: Class = (code) => ({ kind: "retry", because: "server", code, reason: `S3 failed (${code})` });
const down =
  (reason: string): Class =>
  (code) => ({ kind: "retry", because: "down", code, reason: `${reason} (${code})` });
const slower: Class = (code) => ({ kind: "retry", because: "rate-limit", code, reason: `S3 takes no more at once (${code})` });
/** The connection broke, the bytes changed on the way, or another request was at the object; the same PUT again is harmless. */
const unclear = (code: string) => ({ kind: "retry", because: "record", code, reason: `S3 did not take it whole (${code})` }) as const;

const noKey = needsFix("S3 does not take the key", "Check access_key_id and secret_access_key, or the machine's own credentials");
const expired = needsFix("the credentials have run out", "Renew them: a role does so by itself, a session's key does not");
const denied = needsFix(
  "the key may not do this",
  "Give it s3:GetObject, s3:PutObject and s3:DeleteObject on the objects, and s3:ListBucket on the bucket: without that, S3 answers 403 for what is not there",
);
const noBucket = needsFix("there is no such bucket", "Make the bucket, or correct `url` and `endpoint`");
const elsewhere = needsFix("the bucket is in another region", "Set `region` to the bucket's");
const account = needsFix(
  "the account may not use S3 just now",
  "See to it there: a payment, a trial that has ended, a region that is not enabled",
);
const quota = needsFix("the quota is used up", "Raise it, or make room; calls wait meanwhile");
const clock = needsFix("this machine's clock is wrong", "Set it: S3 takes requests of the last 15 minutes only");
const notOurs = needsFix(
  "S3 does not take requests of this form",
  "See what the bucket's settings and `endpoint` ask for; report it with the code",
);
const away = down("S3 takes nothing now");

/** By S3's codes ("Error responses", Amazon S3 API Reference; MinIO's cmd/api-errors.go; Ceph), as the SDK has them in an error's name. */
const CODES: [Class, string][] = [
  [noKey, "InvalidAccessKeyId SignatureDoesNotMatch InvalidSecurity MissingSecurityHeader MissingAuthenticationToken AuthFailure"],
  [elsewhere, "AuthorizationHeaderMalformed PermanentRedirect IllegalLocationConstraintException IncorrectEndpoint"],
  [expired, "ExpiredToken ExpiredTokenException InvalidToken TokenRefreshRequired"],
  [denied, "AccessDenied AllAccessDisabled Forbidden MethodNotAllowed UnauthorizedAccess"],
  [account, "AccountProblem NotSignedUp OptInRequired UserProjectAccountProblem UserSuspended InvalidPayer"],
  [noBucket, "NoSuchBucket InvalidBucketName NoSuchAccessPoint NoSuchTenant"],
  [clock, "RequestTimeTooSkewed RequestExpired"],
  [quota, "QuotaExceeded XMinioAdminBucketQuotaExceeded StorageQuotaExceeded XMinioAdminNoSuchQuotaConfiguration"],
  [notOurs, "NotImplemented InvalidRequest InvalidBucketState InvalidEncryptionAlgorithmError InvalidStorageClass MissingContentLength"],
  [needsFix("there are no credentials", "Give access_key_id and secret_access_key, or the machine a role"), "CredentialsProviderError"],
  [rejected("S3 takes no object of this size"), "EntityTooLarge MaxMessageLengthExceeded"],
  [rejected("the object's name is too long"), "KeyTooLongError XMinioInvalidObjectName"],
  [
    rejected(
      "an earlier version of the call lies in cold storage and cannot be read: restore the object (aws s3api restore-object), then patchbay dead replay",
    ),
    "InvalidObjectState",
  ],
  [
    slower,
    "SlowDown SlowDownRead SlowDownWrite ThrottlingException Throttling TooManyRequests RequestLimitExceeded BandwidthLimitExceeded",
  ],
  [server, "InternalError"],
  [away, "ServiceUnavailable XMinioServerNotInitialized XMinioReadQuorum XMinioWriteQuorum XMinioBackendDown"],
  [down("S3 has no room left"), "XMinioStorageFull InsufficientStorage StorageFull"],
  [down("the bucket's name is being moved"), "TemporaryRedirect Redirect"],
  [
    unclear,
    "RequestTimeout IncompleteBody XAmzContentSHA256Mismatch XAmzContentChecksumMismatch BadDigest OperationAborted ConditionalRequestConflict",
  ],
];
const CLASSES = new Map(CODES.flatMap(([meaning, codes]) => codes.split(" ").map((code) => [code, meaning] as const)));

/** Of the key that encrypts the bucket: `KMS.DisabledException`, `KMS.NotFoundException`, and what the key service itself says. */
const kms = needsFix(
  "the bucket's encryption key cannot be used",
  "Enable the key in KMS, and allow kms:GenerateDataKey and kms:Decrypt with it to the access key",
);

function classOf(name: string): Class | undefined {
  if (/^KMS\./.test(name)) return /Throttling|LimitExceeded/.test(name) ? slower : /Internal|Timeout|Unavailable/.test(name) ? server : kms;
  return CLASSES.get(name);
}

/** A PUT was answered 200, and not as S3 answers. The same PUT again is harmless. */
export class NotStoredError extends Error {
  override readonly name = "NotStoredError";
}

/** What an error of the SDK means; undefined when it is none. S3's own sentences may quote the object's name: they are not passed on. */
export function outcomeOfS3Error(error: unknown): Failure | undefined {
  if (!(error instanceof Error)) return undefined;
  const known = classOf(error.name)?.(error.name);
  if (known?.kind === "retry") return { ...known, ...waitIn(error) };
  if (known) return known;
  if (error instanceof NotStoredError) {
    return {
      kind: "retry",
      because: "server",
      code: "not_proven",
      reason: "the answer does not say that S3 has stored it: is a proxy between?",
    };
  }
  if (/^Region is missing/.test(error.message)) {
    return { kind: "needs-fix", code: "no_region", reason: "the bucket's region is not known", fix: "Set `region`, or AWS_REGION" };
  }
  const network = outcomeOfNetworkError(error);
  if (network && network.kind !== "skipped") return network;
  const status = statusOf(error);
  if (status === undefined) return undefined;
  const code =
    /^[A-Za-z]{3,60}$/.test(error.name) && error.name !== "Error" && error.name !== "SyntaxError" ? error.name : `http_${status}`;
  const retryAfter = headerOf(error, "retry-after");
  const edge = outcomeOfEdge(status, { title: "S3", fix: "Check `endpoint`, and what a proxy on the way does", retryAfter });
  if (edge) return { ...edge, code };
  if (status === 408 || status === 409) return { ...unclear(code), ...waitIn(error) };
  if (status === 307) return down("the bucket's name is being moved")(code);
  if (status >= 500) return server(code);
  if (status === 401 || status === 403) return denied(code);
  if (status >= 300 && status < 400) return elsewhere(code);
  if (status >= 400) return rejected("S3 refuses the object")(code);
  // 200 with a body that is no answer of S3.
  return { kind: "retry", because: "record", code: "unreadable_answer", reason: "S3's answer cannot be read" };
}

function waitIn(error: Error): { retryAfterMs?: number } {
  return waitOf(parseRetryAfterMs(headerOf(error, "retry-after"), Date.now()));
}

function headerOf(error: Error, name: string): string | undefined {
  const response = "$response" in error ? (error.$response as { headers?: Record<string, unknown> }) : undefined;
  const value = response?.headers?.[name];
  return typeof value === "string" ? value : undefined;
}

function statusOf(error: Error): number | undefined {
  const metadata = "$metadata" in error ? (error.$metadata as { httpStatusCode?: unknown }) : undefined;
  if (typeof metadata?.httpStatusCode === "number") return metadata.httpStatusCode;
  const response = "$response" in error ? (error.$response as { statusCode?: unknown }) : undefined;
  return typeof response?.statusCode === "number" ? response.statusCode : undefined;
}
