import {
  byCode,
  classifyHttp,
  down,
  type Failure,
  type Meaning,
  needsFix,
  outcomeOfNetworkError,
  parseRetryAfterMs,
  rateLimited,
  rejected,
  serverFailed,
  toOutcome,
  tryLater,
} from "../../../../src/connector/index.ts";

const failed = serverFailed("S3 failed");
const slower = rateLimited("S3 takes no more at once");
/** The connection broke, the bytes changed on the way, or another request was at the object; the same PUT again is harmless. */
const incomplete = tryLater("S3 did not take it whole");
const moved = down("the bucket's name is being moved");
const refused = rejected("S3 refuses the object");
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
const MEANINGS = byCode<Meaning>([
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
  [failed, "InternalError"],
  [away, "ServiceUnavailable XMinioServerNotInitialized XMinioReadQuorum XMinioWriteQuorum XMinioBackendDown"],
  [down("S3 has no room left"), "XMinioStorageFull InsufficientStorage StorageFull"],
  [moved, "TemporaryRedirect Redirect"],
  [
    incomplete,
    "RequestTimeout IncompleteBody XAmzContentSHA256Mismatch XAmzContentChecksumMismatch BadDigest OperationAborted ConditionalRequestConflict",
  ],
]);

/** Of the key that encrypts the bucket: `KMS.DisabledException`, `KMS.NotFoundException`, and what the key service itself says. */
const kms = needsFix(
  "the bucket's encryption key cannot be used",
  "Enable the key in KMS, and allow kms:GenerateDataKey and kms:Decrypt with it to the access key",
);

/** Statuses without a code of S3's. */
const S3 = {
  title: "S3",
  fix: "Check `endpoint`, and what a proxy on the way does",
  duplicates: "native-key",
  table: {
    307: moved,
    401: denied,
    403: denied,
    404: refused,
    405: refused,
    408: incomplete,
    409: incomplete,
    410: refused,
    423: refused,
    424: refused,
    425: refused,
    "3xx": elsewhere,
    "4xx": refused,
    "5xx": failed,
  },
} as const;

/** A PUT was answered 200, and not as S3 answers. The same PUT again is harmless. */
export class NotStoredError extends Error {
  override readonly name = "NotStoredError";
}

/** What an error of the SDK means; undefined when it is none. S3's own sentences may quote the object's name: they are not passed on. */
export function outcomeOfS3Error(error: unknown): Failure | undefined {
  if (!(error instanceof Error)) return undefined;
  const { name } = error;
  const retryAfterMs = parseRetryAfterMs(headerOf(error, "retry-after"), Date.now());
  const known = meaningOf(name);
  if (known) return toOutcome(known, { code: name, shown: name, retryAfterMs });
  if (error instanceof NotStoredError)
    return toOutcome(serverFailed("the answer does not say that S3 has stored it: is a proxy between?"), { code: "not_proven" });
  if (/^Region is missing/.test(error.message))
    return toOutcome(needsFix("the bucket's region is not known", "Set `region`, or AWS_REGION"), { code: "no_region" });
  const network = outcomeOfNetworkError(error);
  if (network) return network;
  const status = statusOf(error);
  if (status === undefined) return undefined;
  const code = /^[A-Za-z]{3,60}$/.test(name) && name !== "Error" && name !== "SyntaxError" ? name : undefined;
  // 200 with a body that is no answer of S3.
  const unreadable = tryLater("S3's answer cannot be read");
  return classifyHttp({ status, code, retryAfterMs }, S3) ?? toOutcome(unreadable, { code: "unreadable_answer" });
}

function meaningOf(name: string): Meaning | undefined {
  if (!/^KMS\./.test(name)) return MEANINGS.get(name);
  if (/Throttling|LimitExceeded/.test(name)) return slower;
  return /Internal|Timeout|Unavailable/.test(name) ? failed : kms;
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
