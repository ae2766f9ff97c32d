import type { S3Client } from "@aws-sdk/client-s3";

type Sdk = typeof import("@aws-sdk/client-s3");

/**
 * Removes every version of an object, and the marks of deletions: a delete in a bucket with versioning hides the object, and keeps its bytes.
 * @throws {Error} in words when some may not be removed: a bucket with Object Lock keeps each for its time
 */
export async function removeVersions(options: {
  client: S3Client;
  sdk: Sdk;
  Bucket: string;
  Key: string;
  signal: AbortSignal;
}): Promise<void> {
  const { client, sdk, Bucket, Key, signal } = options;
  const { ListObjectVersionsCommand, DeleteObjectCommand } = sdk;
  try {
    for (;;) {
      const { Versions = [], DeleteMarkers = [] } = await client.send(
        new ListObjectVersionsCommand({ Bucket, Prefix: Key, MaxKeys: 1_000 }),
        {
          abortSignal: signal,
        },
      );
      const ours = [...Versions, ...DeleteMarkers].filter((version) => version.Key === Key);
      for (const { VersionId } of ours) {
        await client.send(new DeleteObjectCommand({ Bucket, Key, ...(VersionId === undefined ? {} : { VersionId }) }), {
          abortSignal: signal,
        });
      }
      if (ours.length < 1_000) return;
    }
  } catch (error) {
    if (!(error instanceof Error && ["AccessDenied", "Forbidden", "InvalidRequest"].includes(error.name))) throw error;
    throw new Error(
      "it is hidden, and its versions stay in the bucket: they are locked until their retention ends, or the key lacks s3:ListBucketVersions and s3:DeleteObjectVersion",
      { cause: error },
    );
  }
}
