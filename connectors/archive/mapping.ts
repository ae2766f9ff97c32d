import { type SentField, z } from "../../src/connector/index.ts";
import { DOCUMENT_FIELDS, OWN_FIELDS } from "./record.ts";

const fieldName = z
  .string()
  .regex(/^[A-Za-z_]\w{0,63}$/, "must be letters, digits and _")
  .refine((name) => !OWN_FIELDS.has(name), "is a field that the JSON has anyway: choose another name");

/** A route's `with`. */
export const archiveWith = z.strictObject({
  fields: z
    .record(fieldName, z.string())
    .optional()
    .describe('More fields of the JSON: { campaign: "{{ metadata.campaign }}" }. A value that is empty blanks nothing'),
});

export type ArchiveWith = z.output<typeof archiveWith>;

export const SENT_FIELDS: readonly SentField[] = [
  ...DOCUMENT_FIELDS.map(({ name, what }) => ({ field: name, what })),
  { field: "<fields>", what: "what `fields` says" },
  { field: "<call>.recording.<mp3, wav, …>", what: "the recording itself, with `recordings: true`, where the route shares it" },
  { field: "<call>.recording.meta", what: "of the recording, in JSON: file, bytes, content_type, sha256, url_sha256" },
];
