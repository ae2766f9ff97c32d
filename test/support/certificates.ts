/** X.509 certificates for tests (RFC 5280), in DER by hand: no other program is needed, and they may be expired or for another name. */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";

export interface Certificate {
  /** PEM. */
  cert: string;
  /** PEM, PKCS #8. */
  key: string;
  /** The same, encrypted with {@link PASSPHRASE}. */
  encryptedKey: string;
  name: string;
  privateKey: KeyObject;
}

export const PASSPHRASE = "certificate-passphrase";

const DAY_MS = 86_400_000;

/** Of an authority, or signed by one; `names` are what the host may be called: `localhost`, `127.0.0.1`. */
export function makeCertificate(options: { name: string; by?: Certificate; names?: string[]; expired?: boolean }): Certificate {
  const { name, by, names = [], expired = false } = options;
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const now = Date.now();
  const [from, to] = expired ? [now - 2 * DAY_MS, now - DAY_MS] : [now - DAY_MS, now + 30 * DAY_MS];
  const algorithm = sequence(oid("1.2.840.10045.4.3.2"));
  const isAuthority = by === undefined && names.length === 0;
  const basicConstraints = extension("2.5.29.19", sequence(...(isAuthority ? [der(0x01, Buffer.from([0xff]))] : [])));
  const alternatives = names.map((one) =>
    /^[\d.]+$/.test(one) ? der(0x87, Buffer.from(one.split(".").map(Number))) : der(0x82, Buffer.from(one)),
  );
  const extensions = [basicConstraints, ...(names.length > 0 ? [extension("2.5.29.17", sequence(...alternatives))] : [])];
  const toBeSigned = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    algorithm,
    nameOf(by?.name ?? name),
    sequence(time(from), time(to)),
    nameOf(name),
    publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, sequence(...extensions)),
  );
  const signature = sign("sha256", toBeSigned, by?.privateKey ?? privateKey);
  const certificate = sequence(toBeSigned, algorithm, der(0x03, Buffer.concat([Buffer.from([0]), signature])));
  const lines = certificate.toString("base64").replaceAll(/.{64}(?=.)/g, "$&\n");
  return {
    name,
    privateKey,
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: String(privateKey.export({ type: "pkcs8", format: "pem" })),
    encryptedKey: String(privateKey.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: PASSPHRASE })),
  };
}

function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const bytes = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...bytes]), content]);
}

function sequence(...parts: Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts));
}

function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [40 * first + second];
  for (const number of rest) {
    const groups = [number & 0x7f];
    for (let left = number >>> 7; left > 0; left >>>= 7) groups.unshift((left & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return der(0x06, Buffer.from(bytes));
}

function nameOf(commonName: string): Buffer {
  return sequence(der(0x31, sequence(oid("2.5.4.3"), der(0x0c, Buffer.from(commonName)))));
}

function time(atMs: number): Buffer {
  return der(
    0x17,
    Buffer.from(
      `${new Date(atMs)
        .toISOString()
        .replaceAll(/[-:T]|\.\d+/g, "")
        .slice(2)}`,
    ),
  );
}

function extension(id: string, content: Buffer): Buffer {
  return sequence(oid(id), der(0x04, content));
}
