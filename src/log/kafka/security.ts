/** How the brokers know us, and we them: TLS and logins of the log's URL. */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { UsageError } from "../../errors.ts";
import { whyUnreadable } from "../../lib/files/file-errors.ts";
import { Secret } from "../../lib/secret.ts";
import { didYouMean } from "../../lib/text/did-you-mean.ts";
import type { Options } from "./url-options.ts";

const SASL_MECHANISMS = ["plain", "scram-sha-256", "scram-sha-512"] as const;
export type SaslMechanism = (typeof SASL_MECHANISMS)[number];

export interface Tls {
  /** PEM of the authority that signed the brokers' certificates; undefined: those that Node knows. */
  ca: string | undefined;
  /** PEM of our own certificate, for brokers that ask for one. */
  cert: string | undefined;
  key: Secret | undefined;
  passphrase: Secret | undefined;
  /** Of the certificate, as Kafka names who shows it: `CN=patchbay,O=Example`. */
  subject: string | undefined;
}

export interface Sasl {
  mechanism: SaslMechanism;
  username: string;
  password: Secret;
}

function refuse(message: string, hint: string, cause?: unknown): UsageError {
  return new UsageError(message, { hint, cause });
}

/** @throws {UsageError} also for files that cannot be read, are no certificate or key, or do not fit each other. */
export function readTls(options: Options): Tls | undefined {
  const { tls, ca, cert, key, key_passphrase: passphrase } = options;
  if (tls !== undefined && tls !== "true" && tls !== "false")
    throw refuse('the Kafka log\'s option "tls" is neither true nor false', "Say tls=true.");
  const named = (["ca", "cert", "key", "key_passphrase"] as const).find((name) => options[name] !== undefined);
  if (named === undefined) return tls === "true" ? { ca, cert, key: undefined, passphrase: undefined, subject: undefined } : undefined;
  if (tls === "false") throw refuse(`the Kafka log has "${named}" and tls=false`, "Leave one of them out.");
  if ((cert === undefined) !== (key === undefined))
    throw refuse(
      `the Kafka log has "${cert === undefined ? "key" : "cert"}" and no "${cert === undefined ? "cert" : "key"}"`,
      "A client's certificate needs both: cert=/path/client.pem&key=/path/client.key.",
    );
  if (passphrase !== undefined && key === undefined)
    throw refuse('the Kafka log has "key_passphrase" and no "key"', "Name the key that it opens.");
  const authority = ca === undefined ? undefined : readPem("ca", ca, "It is a PEM file with the authority's certificate.");
  if (authority !== undefined) certificateOf("ca", ca ?? "", authority);
  if (cert === undefined || key === undefined)
    return { ca: authority, cert: undefined, key: undefined, passphrase: undefined, subject: undefined };
  const own = readPem("cert", cert, "It is a PEM file with the client's certificate.");
  const subject = certificateOf("cert", cert, own).subject.split("\n").reverse().join();
  const secret = readPem("key", key, "It is a PEM file with the certificate's key.");
  refuseUnfit({ cert: own, key: secret, passphrase });
  return {
    ca: authority,
    cert: own,
    key: new Secret(secret),
    passphrase: passphrase === undefined ? undefined : new Secret(passphrase),
    subject,
  };
}

function readPem(option: "ca" | "cert" | "key", path: string, hint: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw refuse(`the Kafka log's "${option}" file cannot be read: ${path} (${whyUnreadable(cause)})`, hint, cause);
  }
}

function certificateOf(option: "ca" | "cert", path: string, pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw refuse(
      `the Kafka log's "${option}" file is no certificate: ${path}`,
      "It is a PEM file that begins with -----BEGIN CERTIFICATE-----.",
      cause,
    );
  }
}

/** Node says it only when it connects, and then in OpenSSL's words. */
function refuseUnfit(options: { cert: string; key: string; passphrase: string | undefined }): void {
  try {
    createSecureContext(options);
  } catch (cause) {
    const { code = "", message = "" } = cause as NodeJS.ErrnoException;
    if (/KEY_VALUES_MISMATCH/.test(code))
      throw refuse('the Kafka log\'s "key" is not the key of its "cert"', "Name the two that belong together.");
    if (/passphrase|interrupted|bad decrypt|BAD_DECRYPT|INTERRUPTED/i.test(`${code} ${message}`))
      throw refuse(
        'the Kafka log\'s "key" is encrypted, and its passphrase is missing or wrong',
        "Say it: key_passphrase=…, percent-encoded.",
      );
    throw refuse(
      'the Kafka log\'s "key" is no key',
      "It is a PEM file that begins with -----BEGIN PRIVATE KEY----- or -----BEGIN ENCRYPTED PRIVATE KEY-----.",
    );
  }
}

/** @throws {UsageError} also for a password that would go over the network for everybody to read. */
export function readSasl(given: { options: Options; login: string | undefined; brokers: string[]; encrypted: boolean }): Sasl | undefined {
  const { options, login, brokers, encrypted } = given;
  const { sasl, insecure_plain: insecure } = options;
  if (insecure !== undefined && insecure !== "true") throw refuse('the Kafka log\'s option "insecure_plain" is not true', "Leave it out.");
  if (sasl === undefined && login === undefined) return undefined;
  if (sasl === undefined)
    throw refuse(
      "the log's URL has a user and no sasl option",
      `Say how to log in: ${SASL_MECHANISMS.map((one) => `sasl=${one}`).join(", ")}.`,
    );
  const mechanism = SASL_MECHANISMS.find((one) => one === sasl);
  if (mechanism === undefined)
    throw refuse(
      'the Kafka log\'s option "sasl" is no login that Patchbay knows',
      `${didYouMean(sasl, SASL_MECHANISMS) ?? ""} There are: ${SASL_MECHANISMS.join(", ")}.`.trim(),
    );
  const colon = login?.indexOf(":") ?? -1;
  if (login === undefined || colon < 1 || colon === login.length - 1) {
    throw refuse(`sasl=${mechanism} needs a user and a password`, "Put them in front of the host: kafka://user:password@host:9092?sasl=…");
  }
  if (mechanism === "plain" && !encrypted && insecure !== "true" && !brokers.every(isThisHost)) {
    throw refuse(
      "sasl=plain without TLS sends the password over the network for everybody to read",
      "Say tls=true (or ca=…), use sasl=scram-sha-512, or, where nobody else is on that network, insecure_plain=true.",
    );
  }
  try {
    return {
      mechanism,
      username: decodeURIComponent(login.slice(0, colon)),
      password: new Secret(decodeURIComponent(login.slice(colon + 1))),
    };
  } catch {
    throw refuse("the user or the password in the log's URL cannot be read", "A % in them is written %25.");
  }
}

function isThisHost(broker: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}):\d+$/.test(broker);
}
