import { booleanSetting, checkLiteralHost, httpSettings, RefusedAddressError, type Secret, secret, z } from "../../src/connector/index.ts";

/** What stands in a URL's path or query is often the credential, so that the whole is kept as a secret. */
const receiverUrl = secret()
  .refine((url) => /^https?:$/.test(URL.parse(url.reveal())?.protocol ?? ""), "must be a URL such as https://example.com/hooks/calls")
  .refine((url) => {
    const parsed = URL.parse(url.reveal());
    return !parsed || (parsed.username === "" && parsed.password === "");
  }, "must have no user and password: put them into headers, as Authorization");

/** Warns of a URL whose host is a literal address that each delivery would be refused at. `written`: settings as the file has them. */
export function literalHostWarning({ url, allow_private }: Record<string, unknown>): string | undefined {
  const parsed = URL.parse(String(url));
  if (!parsed) return undefined;
  try {
    checkLiteralHost(parsed, { allowPrivate: String(allow_private) === "true" });
    return undefined;
  } catch (error) {
    if (!(error instanceof RefusedAddressError)) throw error;
    const what = error.why === "private" ? "only with allow_private: true" : "never";
    return `${error.message}: it is asked ${what}, and no call would be delivered`;
  }
}

/** Lengths as the specification asks for ("Signature scheme": 24 to 64 bytes). */
const MIN_KEY_BYTES = 24;
const MAX_KEY_BYTES = 64;

const signingSecret = secret().refine((text) => {
  const key = keyBytesOf(text.reveal());
  return key !== undefined && key.byteLength >= MIN_KEY_BYTES && key.byteLength <= MAX_KEY_BYTES;
}, "must be whsec_ and the base64 of 24 to 64 random bytes: echo whsec_$(openssl rand -base64 32)");

/** The bytes that sign; undefined when it is no secret of Standard Webhooks. */
export function keyBytesOf(signingSecret: string): Buffer | undefined {
  const base64 = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(signingSecret)?.[1];
  return base64 === undefined ? undefined : Buffer.from(base64, "base64");
}

/** Names that the connection, the body or the signature own: another value would break the request, or lie about it. */
const NOT_YOURS = /^(host|content-.*|transfer-encoding|connection|keep-alive|upgrade|te|trailer|expect|proxy-.*|webhook-.*)$/i;

/** Values are credentials as often as not. */
const extraHeaders = z.record(
  z
    .string()
    .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, "is not a header's name")
    .refine((name) => !NOT_YOURS.test(name), "is a header that is set by itself"),
  // Visible ASCII, spaces and tabs within (RFC 9110 §5.5): a line end would begin another header.
  secret().refine((value) => /^[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?$/.test(value.reveal()), "must be visible ASCII in one line"),
);

export const webhookSettings = z
  .strictObject({
    url: receiverUrl.describe("Where to: https://…; it may hold a token and belongs in a variable then"),
    secret: signingSecret.optional().describe("Signing secret: whsec_ and the base64 of 24 to 64 random bytes"),
    secrets: z
      .array(signingSecret)
      .min(1)
      .max(8)
      .optional()
      .describe("Instead of secret, while it is changed: the message is signed with each, and verifies with any"),
    payload: z
      .enum(["full", "thin"])
      .default("full")
      .describe("full (default): what the route shares of the call. thin: ids and times only"),
    headers: extraHeaders.optional().describe('More headers, the same in each request: { Authorization: "Bearer ${RECEIVER_TOKEN}" }'),
    allow_private: booleanSetting()
      .default(false)
      .describe("The receiver is in an own network: private and loopback addresses are taken too. Default false"),
    allow_http: booleanSetting().default(false).describe("Plain http is taken too. Default false"),
    timeout: httpSettings.timeout,
    rate: httpSettings.rate,
  })
  .refine(({ secret, secrets }) => (secret === undefined) !== (secrets === undefined), {
    path: ["secret"],
    message: "is missing, or stands beside secrets: give one of the two",
  })
  .refine(({ url, allow_http }) => allow_http || url.reveal().startsWith("https:"), {
    path: ["url"],
    message: "must be https, or allow_http: true must stand beside it",
  });

export type WebhookSettings = z.output<typeof webhookSettings>;

/** The secrets that sign, whichever of the two keys has them. */
export function secretsOf({ secret: one, secrets = [] }: WebhookSettings): Secret[] {
  return one ? [one] : secrets;
}
