import { type Outcome, outcomeOfNetworkError } from "../../src/connector.ts";

type Failure = Exclude<Outcome, { kind: "delivered" | "skipped" }>;
type Class = (code: string) => Failure;

const unauthorized =
  (reason: string, fix: string): Class =>
  (code) => ({ kind: "unauthorized", code, reason: `${reason} (${code})`, fix });
const rejected =
  (reason: string): Class =>
  (code) => ({ kind: "rejected", code, reason: `${reason} (${code})` });
const server: Class = (code) => ({ kind: "retry", because: "server", code, reason: `S3 failed (${code})` });
const slower: Class = (code) => ({ kind: "retry", because: "rate-limit", code, reason: `S3 takes no more at once (${code})` });

const noKey = unauthorized("S3 does not take the key", "Check access_key_id and secret_access_key, or the machine's own credentials");
const expired = unauthorized("the credentials have run out", "Renew them: a role does so by itself, a session's key does not");
const denied = unauthorized(
  "the key may not do this",
  "Give it s3:GetObject, s3:PutObject and s3:DeleteObject on the objects, and s3:ListBucket on the bucket: without that, S3 answers 403 for what is not there",
);
const noBucket = unauthorized("there is no such bucket", "Make the bucket, or mend `url` and `endpoint`");
const elsewhere = unauthorized("the bucket is in another region", "Set `region` to the bucket's");

/** By S3's codes ("Error responses", Amazon S3 API Reference), as the SDK has them in an error's name. */
const CLASSES: Record<string, Class> = {
  InvalidAccessKeyId: noKey,
  SignatureDoesNotMatch: noKey,
  AuthorizationHeaderMalformed: elsewhere,
  PermanentRedirect: elsewhere,
  IllegalLocationConstraintException: elsewhere,
  ExpiredToken: expired,
  ExpiredTokenException: expired,
  InvalidToken: expired,
  TokenRefreshRequired: expired,
  AccessDenied: denied,
  AllAccessDisabled: denied,
  AccountProblem: denied,
  Forbidden: denied,
  NoSuchBucket: noBucket,
  InvalidBucketName: noBucket,
  RequestTimeTooSkewed: unauthorized("this machine's clock is wrong", "Set it: S3 takes requests of the last 15 minutes only"),
  CredentialsProviderError: unauthorized("there are no credentials", "Give access_key_id and secret_access_key, or the machine a role"),
  EntityTooLarge: rejected("S3 takes no object of this size"),
  KeyTooLongError: rejected("the object's name is too long"),
  SlowDown: slower,
  ThrottlingException: slower,
  TooManyRequests: slower,
  RequestLimitExceeded: slower,
  InternalError: server,
  ServiceUnavailable: server,
};

/** The connection broke or the bytes changed on the way; the same PUT again is harmless. */
const UNCLEAR = new Set(["RequestTimeout", "IncompleteBody", "XAmzContentSHA256Mismatch", "BadDigest", "OperationAborted"]);

/** What an error of the SDK means; undefined when it is none. S3's own sentences may quote the object's name: they are not passed on. */
export function outcomeOfS3Error(error: unknown): Failure | undefined {
  if (!(error instanceof Error)) return undefined;
  const known = Object.hasOwn(CLASSES, error.name) ? CLASSES[error.name] : undefined;
  if (known) return known(error.name);
  if (UNCLEAR.has(error.name))
    return { kind: "retry", because: "record", code: error.name, reason: `S3 did not take it whole (${error.name})` };
  if (/^Region is missing/.test(error.message)) {
    return { kind: "unauthorized", code: "no_region", reason: "the bucket's region is not known", fix: "Set `region`, or AWS_REGION" };
  }
  const network = outcomeOfNetworkError(error);
  if (network && network.kind !== "delivered" && network.kind !== "skipped") return network;
  const status = statusOf(error);
  if (status === undefined) return undefined;
  const code =
    /^[A-Za-z]{3,60}$/.test(error.name) && error.name !== "Error" && error.name !== "SyntaxError" ? error.name : `http_${status}`;
  if (status === 429) return slower(code);
  if (status >= 500) return server(code);
  if (status === 401 || status === 403) return denied(code);
  if (status >= 300 && status < 400) return elsewhere(code);
  if (status >= 400) return rejected("S3 refuses the object")(code);
  // 200 with a body that is no answer of S3.
  return { kind: "retry", because: "record", code: "unreadable_answer", reason: "S3's answer cannot be read" };
}

function statusOf(error: Error): number | undefined {
  const metadata = "$metadata" in error ? (error.$metadata as { httpStatusCode?: unknown }) : undefined;
  if (typeof metadata?.httpStatusCode === "number") return metadata.httpStatusCode;
  const response = "$response" in error ? (error.$response as { statusCode?: unknown }) : undefined;
  return typeof response?.statusCode === "number" ? response.statusCode : undefined;
}
