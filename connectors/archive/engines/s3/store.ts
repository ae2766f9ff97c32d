import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OpenError, outcomeOfReadingError, type Secret } from "../../../../src/connector/index.ts";
import { bucketOf } from "../../settings.ts";
import type { Store } from "../../store.ts";
import { removeLeftOvers } from "../../temp-cleanup.ts";
import { NotStoredError, outcomeOfS3Error } from "./errors.ts";
import { removeVersions } from "./versions.ts";

export interface S3Settings {
  url: string;
  region?: string | undefined;
  endpoint?: string | undefined;
  access_key_id?: string | undefined;
  secret_access_key?: Secret | undefined;
  force_path_style?: boolean | undefined;
  timeoutMs: number;
}

const CONNECT_WITHIN_MS = 5_000;
const SCRATCH = "patchbay-archive-";
const UNTOLD = "application/octet-stream";

const nothing = () => undefined;
/** The SDK prints nothing: without a logger, its warnings go to the console. */
const silent = { trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing };

/** @throws {OpenError} when the SDK is missing, or the bucket may not be read. */
export async function openS3Store(settings: S3Settings): Promise<Store> {
  const { url, region, endpoint, access_key_id: accessKeyId, secret_access_key: secretAccessKey, timeoutMs } = settings;
  const sdk = await loadSdk();
  const { S3Client, GetObjectCommand, HeadObjectCommand, PutObjectCommand, DeleteObjectCommand, ListObjectsV2Command } = sdk;
  const { bucket: Bucket, prefix } = bucketOf(url);
  // Other services name regions as they like, and take any.
  const where = region ?? (endpoint === undefined ? undefined : "us-east-1");
  const client = new S3Client({
    ...(where === undefined ? {} : { region: where }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(accessKeyId && secretAccessKey ? { credentials: { accessKeyId, secretAccessKey: secretAccessKey.reveal() } } : {}),
    forcePathStyle: settings.force_path_style ?? endpoint !== undefined,
    // What is tried again, and when, is not the SDK's decision.
    maxAttempts: 1,
    logger: silent,
    // Services older than 2025 do not know the newer default.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    requestHandler: { connectionTimeout: Math.min(CONNECT_WITHIN_MS, timeoutMs), requestTimeout: timeoutMs },
  });
  const keyOf = (name: string) => ({ Bucket, Key: `${prefix}${name}` });

  async function list(start: string, signal: AbortSignal, MaxKeys = 1_000): Promise<string[]> {
    const answer = await client.send(new ListObjectsV2Command({ Bucket, Prefix: `${prefix}${start}`, MaxKeys }), { abortSignal: signal });
    return (answer.Contents ?? []).flatMap(({ Key }) => (Key === undefined ? [] : [Key.slice(prefix.length)]));
  }

  try {
    await list("calls/v1/", AbortSignal.timeout(timeoutMs), 1);
  } catch (error) {
    client.destroy();
    const outcome = outcomeOfReadingError(error) ?? outcomeOfS3Error(error);
    throw outcome ? new OpenError(outcome) : error;
  }
  // Another user's are not ours to remove.
  await removeLeftOvers({ folder: tmpdir(), prefix: SCRATCH }).catch(() => undefined);
  const scratch = await mkdtemp(join(tmpdir(), SCRATCH));

  return {
    scratch,
    linkTo: (name) => `s3://${Bucket}/${prefix}${name}`,
    async read(name, { signal }) {
      try {
        const answer = await client.send(new GetObjectCommand(keyOf(name)), { abortSignal: signal });
        return Buffer.from((await answer.Body?.transformToByteArray()) ?? []);
      } catch (error) {
        if (error instanceof Error && error.name === "NoSuchKey") return undefined;
        throw error;
      }
    },
    async has(name, { signal }) {
      try {
        await client.send(new HeadObjectCommand(keyOf(name)), { abortSignal: signal });
        return true;
      } catch (error) {
        if (error instanceof Error && ["NotFound", "NoSuchKey"].includes(error.name)) return false;
        throw error;
      }
    },
    async write(name, bytes, { signal, contentType }) {
      const ContentMD5 = createHash("md5").update(bytes).digest("base64");
      const put = new PutObjectCommand({ ...keyOf(name), Body: bytes, ContentType: contentType, ContentMD5 });
      proveStored(await client.send(put, { abortSignal: signal }));
    },
    async moveIn(name, { path, bytes, sha256, md5, contentType }, { signal }) {
      const Body = createReadStream(path);
      const put = new PutObjectCommand({
        ...keyOf(name),
        Body,
        ContentLength: bytes,
        ContentType: contentType || UNTOLD,
        // A bucket with Object Lock takes nothing without it (API_PutObject).
        ContentMD5: md5,
        Metadata: { sha256 },
      });
      // The signature then covers the recording too: S3 refuses it when other bytes arrive (XAmzContentSHA256Mismatch).
      put.middlewareStack.add(
        (next) => (args) => {
          (args.request as { headers: Record<string, string> }).headers["x-amz-content-sha256"] = sha256;
          return next(args);
        },
        { step: "build", name: "patchbaySignsTheFile" },
      );
      try {
        proveStored(await client.send(put, { abortSignal: signal }));
      } finally {
        Body.destroy();
      }
      await rm(path, { force: true });
    },
    list: (start, { signal }) => list(start, signal),
    async remove(name, { signal }) {
      const { DeleteMarker } = await client.send(new DeleteObjectCommand(keyOf(name)), { abortSignal: signal });
      if (DeleteMarker) await removeVersions({ client, sdk, ...keyOf(name), signal });
    },
    afterErase: async () =>
      "a bucket that keeps versions keeps a deleted object as an older version, until a lifecycle rule or its lock's end removes it",
    outcomeOf: outcomeOfS3Error,
    async close() {
      client.destroy();
      await rm(scratch, { recursive: true, force: true });
    },
  };
}

/** S3 names what it has stored. An answer of 200 that does not is somebody else's. */
function proveStored({ ETag }: { ETag?: string | undefined }): void {
  if (!ETag) throw new NotStoredError();
}

async function loadSdk() {
  try {
    return await import("@aws-sdk/client-s3");
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (code !== "ERR_MODULE_NOT_FOUND") throw error;
    const fix = "Install it beside Patchbay: npm install @aws-sdk/client-s3, and start again";
    throw new OpenError({
      kind: "needs-fix",
      code: "sdk_missing",
      reason: "an archive in S3 needs the package @aws-sdk/client-s3",
      fix,
    });
  }
}
