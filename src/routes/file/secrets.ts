import type { z } from "zod";
import { type Connector, Secret } from "../../connector/index.ts";
import { isSecret } from "../../connector/kit/settings.ts";
import type { RoutesDocument } from "./document.ts";
import { defaultTexts, hasVariables, piecesOf } from "./variable-syntax.ts";

/** Keys of a connector's settings that hold secrets, or groups of them (`headers`): those whose schema makes a `Secret`, whatever it refuses. */
export function secretKeysOf(settings: z.ZodObject): Set<string> {
  const keys = Object.entries(settings.shape).filter(([key, schema]) => {
    if (isSecret(schema)) return true;
    // One that makes its `Secret` itself.
    const probes = ["probe", "https://probe.example/", { Probe: "probe" }].map((probe) => (schema as z.ZodType).safeParse(probe));
    const taken = probes.filter(({ success }) => success);
    // A secret with rules of its own may refuse them all; its name tells then.
    return taken.length > 0 ? taken.some(({ data }) => holdsSecret(data)) : SECRET_NAME.test(key);
  });
  return new Set(keys.map(([key]) => key));
}

function holdsSecret(value: unknown): boolean {
  return value instanceof Secret || (typeof value === "object" && value !== null && Object.values(value).some(holdsSecret));
}

const SECRET_NAME = /secret|token|password|passphrase|private_?key|api_?key|credential/i;
/**
 * An address of a file or a store without a password in it is no secret, though its key holds one elsewhere: `duckdb:data/calls.duckdb`,
 * `s3://bucket`, `postgres://db/calls`. A web address may be one as a whole (Slack's, Teams' and Discord's webhooks are).
 */
export function isOpenAddress(key: string, text: string): boolean {
  return key === "url" && /^(?!https?:)[a-z][a-z0-9+.-]*:[^\s@]+$/i.test(text) && !SECRET_NAME.test(text);
}

const SECRET_LINE = new RegExp(`^(.*?(?:${SECRET_NAME.source})[\\w-]*["']?\\s*:\\s*)(.*)$`, "i");

/**
 * The file's text for showing, with every secret that is written out in it replaced, sign by sign, so that columns stay: whatever stands
 * under a key that is a secret of some connector or is named like one, and the password in a URL.
 * In a file that could not be read there are no places; there it goes by lines.
 */
export function maskSecrets(options: { text: string; document?: RoutesDocument; connectors: Record<string, Connector> }): string {
  const { text, document, connectors } = options;
  const known = new Set(Object.values(connectors).flatMap((connector) => [...secretKeysOf(connector.settings)]));
  const signs = text.split("");
  for (const { key, start, end } of document?.scalarsUnder((key) => known.has(key) || SECRET_NAME.test(key)) ?? []) {
    const written = text.slice(start, end);
    const isOpen = (one: string) => isOpenAddress(key, one.replace(/^["']|["']$/g, ""));
    if (isOpen(written)) continue;
    // Beside variables it is their defaults that are written out.
    const pieces = piecesOf(written);
    const parts = pieces.some(({ kind }) => kind !== "text") ? defaultTexts(pieces) : [{ text: written, offset: 0, end: end - start }];
    for (const part of parts) {
      if (isOpen(part.text)) continue;
      for (let i = start + part.offset; i < start + part.end; i += 1) if (!/\s/.test(signs[i] ?? "")) signs[i] = MASK;
    }
  }
  const masked = signs.join("").replace(/(:\/\/[^\s:/@"']*:)([^\s@"']+)(@)/g, (_, before: string, password: string, after: string) => {
    return before + (hasVariables(password) ? password : MASK.repeat(password.length)) + after;
  });
  if (document && document.value !== undefined) return masked;
  // Indentation of the key whose block (`token: |`, `secrets:` and a list) is being passed.
  let block: number | undefined;
  return masked
    .split("\n")
    .map((line) => {
      const indent = line.search(/\S/);
      if (block !== undefined && (indent === -1 || indent > block)) return line.includes("${") ? line : line.replace(/[^\s-]/g, MASK);
      block = undefined;
      const [, before, value = ""] = SECRET_LINE.exec(line) ?? [];
      if (before === undefined) return line;
      if (/^\s*([|>][-+0-9]*)?\s*(#.*)?$/.test(value)) {
        block = indent;
        return line;
      }
      return value.includes("${") ? line : before + value.replace(/[^\s"'[\]{},]/g, MASK);
    })
    .join("\n");
}

const MASK = "•";
