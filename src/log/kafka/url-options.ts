/** What may stand behind the `?` of a log's URL. */
export const OPTIONS = [
  "partitions",
  "replication",
  "min_insync",
  "retention_ms",
  "prefix",
  "tls",
  "ca",
  "cert",
  "key",
  "key_passphrase",
  "sasl",
  "insecure_plain",
] as const;
export type Option = (typeof OPTIONS)[number];
export type Options = Partial<Record<Option, string>>;
