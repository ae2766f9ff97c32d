/** The variables that this program itself reads; those of routes.yaml are its writer's. Each is checked where it is used, by one schema. */
import { readFileSync } from "node:fs";
import { parseEnv } from "node:util";
import { z } from "zod";
import { UsageError } from "../errors.ts";
import { explainFileError } from "../lib/files/file-errors.ts";
import { closest } from "../lib/text/did-you-mean.ts";
import { parseDurationMs } from "../lib/time/duration.ts";

export type Environment = Record<string, string | undefined>;

const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;

const port = z
  .string()
  .trim()
  .regex(/^\d{1,5}$/, "a port is a whole number from 0 (any free one) to 65535")
  .transform(Number)
  .refine((number) => number <= 65535, "a port is at most 65535");
const text = z.string();
const durationMs = z
  .string()
  .trim()
  .transform((written, context) => {
    const ms = parseDurationMs(written);
    if (ms === undefined) context.addIssue({ code: "custom", message: "a time is a number and its unit, such as 5s" });
    return ms ?? 0;
  });

const SETTINGS = z.object({
  PORT: port,
  PATCHBAY_OPS_PORT: port,
  PATCHBAY_HOST: text,
  PATCHBAY_OPS_HOST: text,
  PATCHBAY_ROUTES: text,
  PATCHBAY_LOG: text,
  PATCHBAY_LEDGER: text,
  PATCHBAY_LEDGER_PASSWORD: text,
  PATCHBAY_LEDGER_PASSWORD_FILE: text,
  PATCHBAY_LOG_LEVEL: z
    .string()
    .trim()
    .toLowerCase()
    .pipe(z.enum(LOG_LEVELS, `levels are ${LOG_LEVELS.join(", ")}`)),
  PATCHBAY_USER: text,
  PATCHBAY_TRUSTED_PROXIES: text,
  PATCHBAY_SOURCE_QUOTA: text,
  PATCHBAY_CLOSE_AFTER: durationMs,
});

export type Setting = keyof typeof SETTINGS.shape;

export const SETTING_NAMES = Object.keys(SETTINGS.shape) as Setting[];

/** The flag that is used in a variable's place. */
const FLAGS: Partial<Record<Setting, string>> = {
  PORT: "--port",
  PATCHBAY_OPS_PORT: "--ops-port",
  PATCHBAY_HOST: "--host",
  PATCHBAY_OPS_HOST: "--ops-host",
  PATCHBAY_ROUTES: "--routes",
  PATCHBAY_LOG: "--log",
  PATCHBAY_LEDGER: "--ledger",
};

/**
 * A variable of ours; undefined when it is not set, or empty: compose and Kubernetes set empty ones for what their user left out.
 * @throws {UsageError} naming the variable, when its value cannot be meant.
 */
export function setting<Name extends Setting>(env: Environment, name: Name): z.infer<(typeof SETTINGS.shape)[Name]> | undefined {
  const value = env[name];
  if (value === undefined || value.trim() === "") return undefined;
  if (isServiceLink(name, value)) throw serviceLinkError(name, value);
  const parsed = SETTINGS.shape[name].safeParse(value);
  if (parsed.success) return parsed.data as z.infer<(typeof SETTINGS.shape)[Name]>;
  const flag = FLAGS[name];
  throw new UsageError(`${name} cannot be "${value}": ${parsed.error.issues[0]?.message}`, {
    hint: flag === undefined ? "Set it otherwise, or unset it." : `Set it otherwise, unset it, or give ${flag}.`,
  });
}

/** `tcp://10.96.0.12:9090` is what Kubernetes sets for a Service (https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables). */
const isServiceLink = (name: string, value = "") => /^PATCHBAY_.*PORT$/.test(name) && /^(tcp|udp|sctp):\/\//.test(value);

function serviceLinkError(name: Setting, value: string): UsageError {
  const service = name
    .replace(/_PORT$/, "")
    .toLowerCase()
    .replaceAll("_", "-");
  const flag = FLAGS[name];
  return new UsageError(`${name} is "${value}": Kubernetes sets it so in every pod beside a Service named ${service}`, {
    hint: `Write enableServiceLinks: false into the pod's spec, name the Service otherwise${flag === undefined ? "" : `, or give ${flag}`}.`,
  });
}

/** The environment, with what `.env` in the working directory adds to it. @throws {UsageError} when `.env` is there and cannot be read. */
export function readEnvironment(): Environment {
  return { ...withoutEmpty(readEnvFile(".env")), ...withoutEmpty(process.env) };
}

/** An empty variable of ours is none: it hides nothing that `.env` says. */
function withoutEmpty(env: Environment): Environment {
  return Object.fromEntries(Object.entries(env).filter(([name, value]) => !(name in SETTINGS.shape && value?.trim() === "")));
}

function readEnvFile(path: string): Environment {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw explainFileError(error, { path, what: "the file of variables" });
  }
  // Windows' editors write either; parseEnv would take the mark for a part of the first name.
  if (bytes[0] === 0xff && bytes[1] === 0xfe) throw notUtf8(path, "UTF-16");
  if (bytes[0] === 0xfe && bytes[1] === 0xff) throw notUtf8(path, "UTF-16");
  if (bytes.includes(0)) throw notUtf8(path, "not a text");
  let content: string;
  try {
    content = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw notUtf8(path, "not UTF-8");
  }
  const line = lineOfOpenQuote(content);
  if (line !== undefined) {
    throw new UsageError(`${path}:${line}: a quote that is opened here is never closed`, {
      hint: "Close it behind the value, or leave it away: what stands in the lines below would belong to the value, or the quote itself.",
    });
  }
  return parseEnv(content);
}

/** The first line, from 1, whose value begins with a quote that is not closed before the line of another variable. */
function lineOfOpenQuote(content: string): number | undefined {
  for (let from = 0; from < content.length; ) {
    const opened = /^[ \t]*(?:export[ \t]+)?[\w.-]+[ \t]*=[ \t]*(["'`])/my;
    opened.lastIndex = from;
    const quote = opened.exec(content)?.[1];
    const end = quote === undefined ? from : content.indexOf(quote, opened.lastIndex);
    const lineEnd = end === -1 ? -1 : content.indexOf("\n", end);
    const behind = end === -1 ? "" : content.slice(end + 1, lineEnd === -1 ? undefined : lineEnd);
    const spansLines = quote !== undefined && content.slice(from, end).includes("\n");
    if (end === -1 || (spansLines && !/^\s*(#.*)?$/.test(behind))) return content.slice(0, from).split("\n").length;
    if (lineEnd === -1) return undefined;
    from = lineEnd + 1;
  }
  return undefined;
}

function notUtf8(path: string, is: string): UsageError {
  return new UsageError(`${path} is ${is}`, { hint: "Save it as UTF-8: one NAME=value on each line." });
}

/**
 * For each variable that looks like one of ours and is none: a sentence. Not for those that Kubernetes makes for its Services, and that
 * `routesText` uses.
 */
export function unknownSettings(env: Environment, routesText: string): string[] {
  return Object.entries(env)
    .filter(([name]) => name.startsWith("PATCHBAY_") && !(name in SETTINGS.shape) && !OF_OTHERS.test(name))
    .filter(([name, value]) => !isServiceLink(name, value) && !routesText.includes(name))
    .map(([name]) => {
      const near = closest(name, Object.keys(SETTINGS.shape));
      return `the variable ${name} is not known, and not used${near === undefined ? "" : `: is ${near} meant?`}`;
    })
    .sort();
}

/** Of Kubernetes' service links, and of our own tests. */
const OF_OTHERS = /_SERVICE_(HOST|PORT)(_|$)|_PORT_\d+_(TCP|UDP|SCTP)|^PATCHBAY_(TEST_|CHDB)/;
