import { z } from "zod";
import { booleanSetting, defineConnector, httpSettings, secret } from "../../src/connector/index.ts";
import { DOCUMENT_FIELDS, OWN_FIELDS } from "./document.ts";
import { ARCHIVE_URL, bytesOf, folderOf, SIZE } from "./settings.ts";

const fieldName = z
  .string()
  .regex(/^[A-Za-z_]\w{0,63}$/, "must be letters, digits and _")
  .refine((name) => !OWN_FIELDS.has(name), "is a field that the JSON has anyway: choose another name");

/** A JSON file per call in a folder or an S3-compatible bucket, and its recording if that is wanted. */
export const archive = defineConnector({
  name: "archive",
  title: "Archive",
  keeps: "record",
  duplicates: "native-key",
  settings: z
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
    }),
  with: z.strictObject({
    fields: z
      .record(fieldName, z.string())
      .optional()
      .describe('More fields of the JSON: { campaign: "{{ metadata.campaign }}" }. A value that is empty blanks nothing'),
  }),
  sends: [
    ...DOCUMENT_FIELDS.map(({ name, what }) => ({ field: name, what })),
    { field: "<fields>", what: "what `fields` says" },
    { field: "<call>.recording.<mp3, wav, …>", what: "the recording itself, with `recordings: true`, where the route shares it" },
    { field: "<call>.recording.meta", what: "of the recording, in JSON: file, bytes, content_type, sha256, url_sha256" },
  ],
  batch: { maxCalls: 1, concurrency: 8 },

  files: ({ url }) => (url.startsWith("file:") ? { kind: "folder", path: folderOf(url) } : undefined),

  needs: ({ url }) => (typeof url === "string" && url.startsWith("s3:") ? ["@aws-sdk/client-s3"] : []),

  async open({ settings, timeoutMs }) {
    const { openArchive } = await import("./destination.ts");
    const store = settings.url.startsWith("s3:")
      ? await import("./s3.ts").then(({ openS3Store }) => openS3Store({ ...settings, timeoutMs }))
      : await import("./folder.ts").then(({ openFolderStore }) => openFolderStore({ url: settings.url }));
    return openArchive({ ...settings, store, timeoutMs });
  },

  sandbox: () => import("./sandbox.ts"),
});
