import { type KeyObject, sign } from "node:crypto";

/** A JSON Web Token signed with RS256 (RFC 7515), in compact form. `key`: RSA, PEM or parsed. */
export function signJwt(options: { key: KeyObject | string; claims: Record<string, string | number> }): string {
  const { key, claims } = options;
  const text = [{ alg: "RS256", typ: "JWT" }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
  return `${text}.${sign("RSA-SHA256", Buffer.from(text), key).toString("base64url")}`;
}
