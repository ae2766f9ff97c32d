import { defineConnector } from "../../src/connector/index.ts";
import { archiveWith, SENT_FIELDS } from "./mapping.ts";
import { archiveSettings, folderOf } from "./settings.ts";

/** A JSON file per call in a folder or an S3-compatible bucket, and its recording if that is wanted. */
export const archive = defineConnector({
  name: "archive",
  title: "Archive",
  keeps: "record",
  duplicates: "native-key",
  settings: archiveSettings,
  with: archiveWith,
  sends: SENT_FIELDS,
  batch: { maxCalls: 1, concurrency: 8 },
  files: ({ url }) => (url.startsWith("file:") ? { kind: "folder", path: folderOf(url) } : undefined),
  needs: ({ url }) => (typeof url === "string" && url.startsWith("s3:") ? ["@aws-sdk/client-s3"] : []),
  open: async (options) => (await import("./open.ts")).openArchive(options),
  sandbox: () => import("./sandbox/index.ts"),
});
