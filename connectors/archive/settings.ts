import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** A folder, relative or not, or a bucket by the rules for names ("General purpose bucket naming rules", Amazon S3 User Guide) with a prefix. */
export const ARCHIVE_URL = /^(file:.+|s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/[^?#]*)?)$/;

export const SIZE = /^([1-9]\d{0,4})(KB|MB|GB)$/;

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
