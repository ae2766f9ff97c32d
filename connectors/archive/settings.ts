import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { booleanSetting, httpSettings, secret, z } from "../../src/connector/index.ts";

/** A folder, relative or not, or a bucket by the rules for names ("General purpose bucket naming rules", Amazon S3 User Guide) with a prefix. */
const ARCHIVE_URL = /^(file:.+|s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/[^?#]*)?)$/;

const SIZE = /^([1-9]\d{0,4})(KB|MB|GB)$/;

const UNITS: Record<string, number> = { KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3 };

/** `200MB` as bytes. */
export function bytesOf(size: string): number {
  const [, count = "0", unit = ""] = SIZE.exec(size) ?? [];
  return Number(count) * (UNITS[unit] ?? 0);
}

/** `file:data/archive`, `file:/srv/archive` and `file:///srv/archive`, as a path. */
export function folderOf(url: string): string {
  return url.startsWith("file://") ? fileURLToPath(url) : resolve(url.slice("file:".length));
}

/** `s3://bucket/a/b/` is the bucket and `a/b/`; without a prefix that is "". */
export function bucketOf(url: string): { bucket: string; prefix: string } {
  const [bucket = "", ...rest] = url.slice("s3://".length).split("/");
  const prefix = rest.filter((part) => part !== "").join("/");
  return { bucket, prefix: prefix === "" ? "" : `${prefix}/` };
}

export const archiveSettings = z
  .strictObject({
    url: z
      .string()
      .regex(ARCHIVE_URL, "must be file:<folder> or s3://bucket/prefix")
      .describe("Where: a folder, file:data/archive, or a bucket, s3://bucket/prefix"),
    region: z.string().min(1).optional().describe("S3: the bucket's region. Default: the machine's (AWS_REGION)"),
    endpoint: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe("S3: the address of another service than Amazon's: MinIO, R2, Ceph"),
    access_key_id: z
      .string()
      .min(1)
      .optional()
      .describe("S3: the key's id. Without one, the machine's own credentials (environment, role)"),
    secret_access_key: secret().optional().describe("S3: the key"),
    force_path_style: booleanSetting().optional().describe("S3: the bucket's name in the path. Default: true where there is an endpoint"),
    recordings: booleanSetting().default(false).describe("Keep the recording itself too; the route must share it. Default false"),
    max_recording: z
      .string()
      .regex(SIZE, "must be a size such as 200MB")
      .refine((size) => bytesOf(size) <= bytesOf("4GB"), "must be at most 4GB")
      .default("200MB")
      .describe("A longer recording is not kept. Default 200MB"),
    allow_private: booleanSetting().default(false).describe("Recordings may come from an own network too. Default false"),
    allow_http: booleanSetting().default(false).describe("Recordings may come over plain http too. Default false"),
    timeout: httpSettings.timeout,
    rate: httpSettings.rate,
  })
  .refine(({ access_key_id, secret_access_key }) => (access_key_id === undefined) === (secret_access_key === undefined), {
    path: ["secret_access_key"],
    message: "and access_key_id belong together",
  });

export type ArchiveSettings = z.output<typeof archiveSettings>;
