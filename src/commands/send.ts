import { createHmac } from "node:crypto";
import { readFile } from "node:fs/promises";
import { text as readAll } from "node:stream/consumers";
import type { ExitCode } from "../errors.ts";
import { UnreachableError, UsageError } from "../errors.ts";
import { whyUnreadable } from "../lib/files/file-errors.ts";
import { readerIsGone } from "../lib/process/output.ts";
import { printable, printableLines } from "../lib/text/printable.ts";
import { sampleCall } from "../sandbox/calls.ts";
import type { CommonOptions } from "./context.ts";
import { type Environment, readEnvironment, setting } from "./environment.ts";
import { bar, createProgress } from "./progress.ts";

/** More than this are summed up in one line. */
const SHOWN_ONE_BY_ONE = 20;
const TIMEOUT_MS = 15_000;

export interface SendOptions extends CommonOptions {
  url?: string;
  secret?: string;
  secretFile?: string;
  count: number;
  rate?: number;
  test?: boolean;
}

/** `patchbay send [file]`: signs and posts a call as VoiceInfra would. Exit code 1 when any was not accepted. */
export async function sendCommand(file: string | undefined, options: SendOptions): Promise<ExitCode> {
  const env = readEnvironment();
  const url = options.url ?? `http://127.0.0.1:${setting(env, "PORT") ?? 8080}/webhooks/voiceinfra`;
  // It may hold a password: it is not quoted.
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? ""))
    throw new UsageError("--url is not a URL", { hint: "It begins with http:// or https://." });
  const secret = await secretOf(options, env);
  const body = file === undefined ? undefined : await readBody(file);

  const bodyOf = (index: number) =>
    options.test ? asTest(body, index) : (body ?? Buffer.from(JSON.stringify(sampleCall(index), null, 2)));
  let refused = 0;
  const many = options.count > SHOWN_ONE_BY_ONE && !options.json;
  const statuses = new Map<number, number>();
  const progress = createProgress({ enabled: many });
  const startedAtMs = performance.now();
  // A reader such as `| head` has seen enough.
  for (let index = 0; index < options.count && !readerIsGone(); index += 1) {
    if (options.rate !== undefined) await sleepUntil(startedAtMs + (index * 1000) / options.rate);
    const answer = await post({ url, secret, body: bodyOf(index) });
    if (answer.status !== 200) refused += 1;
    statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
    progress.show(`${bar(index + 1, options.count)} ${index + 1} of ${options.count} sent`);
    if (options.json) console.log(JSON.stringify(answer));
    // What was refused is shown always: it says why.
    else if (!many || answer.status !== 200) {
      progress.clear();
      console.log(`${answer.status} in ${Math.round(answer.tookMs)} ms  ${printableLines(answer.body.trim())}`);
    }
  }
  progress.clear();
  if (many) {
    const seconds = (performance.now() - startedAtMs) / 1000;
    const answers = [...statuses].map(([status, count]) => `${count} × ${status}`).join(", ");
    console.log(`${options.count} sent in ${seconds.toFixed(1)} s (${Math.round(options.count / seconds)}/s): ${answers}`);
  }
  return refused === 0 ? 0 : 1;
}

/** A file keeps the secret out of the list of processes, which every user of the machine may read. */
async function secretOf({ secret, secretFile }: SendOptions, env: Environment): Promise<string> {
  if (secret !== undefined && secretFile !== undefined)
    throw new UsageError("--secret and --secret-file are two ways to say the same", { hint: "Give one of them." });
  const found = secretFile === undefined ? (secret ?? env.VOICEINFRA_WEBHOOK_SECRET) : await readSecret(secretFile);
  if (found) return found;
  throw new UsageError("there is no secret to sign with", {
    hint: "Set VOICEINFRA_WEBHOOK_SECRET (or put it into .env), or give --secret-file.",
  });
}

/** As `${file:…}` in routes.yaml reads it: without the line end that editors add. */
async function readSecret(file: string): Promise<string> {
  return (await readBody(file)).toString("utf8").replace(/\r?\n$/, "");
}

/** What `test_when: call_id.startsWith("test_")` knows a test by. */
function asTest(body: Buffer | undefined, index: number): Buffer {
  let call: unknown = sampleCall(index);
  if (body !== undefined) {
    try {
      call = JSON.parse(body.toString("utf8"));
    } catch {
      throw new UsageError("the file is no JSON, so it cannot be marked as a test", { hint: "Send it as it is, without --test." });
    }
  }
  const { call_id: callId } = call as { call_id?: unknown };
  return Buffer.from(
    JSON.stringify({ ...(call as object), call_id: String(callId).startsWith("test_") ? callId : `test_${callId}` }, null, 2),
  );
}

async function readBody(file: string): Promise<Buffer> {
  if (file === "-") return Buffer.from(await readAll(process.stdin));
  try {
    return await readFile(file);
  } catch (error) {
    throw new UsageError(`cannot read ${printable(file)}: ${whyUnreadable(error)}`, { cause: error });
  }
}

/** Signs as VoiceInfra documents it: lower-case hex of HMAC-SHA256 over the raw body. */
export async function post(options: {
  url: string;
  secret: string;
  body: Uint8Array;
}): Promise<{ status: number; body: string; tookMs: number }> {
  const { url, secret, body } = options;
  const signature = createHmac("sha256", secret).update(body).digest("hex");
  const startedAtMs = performance.now();
  const { address, authorization } = partsOf(url);
  try {
    const response = await fetch(address, {
      method: "POST",
      headers: { "content-type": "application/json", "x-voiceinfra-signature": signature, ...authorization },
      body: body as Uint8Array<ArrayBuffer>,
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return { status: response.status, body: await response.text(), tookMs: performance.now() - startedAtMs };
  } catch (error) {
    const shown = address.origin + address.pathname;
    const code = String((error as { cause?: { code?: unknown } }).cause?.code ?? "");
    const isTls = /CERT|SSL|TLS|SIGNED|ISSUER/.test(code);
    throw new UnreachableError(isTls ? `${shown} shows no certificate that is trusted here (${code})` : `nothing answers at ${shown}`, {
      address: shown,
      hint: isTls
        ? "Name its authority's file in NODE_EXTRA_CA_CERTS, or give another --url."
        : "Is it running? Start it with `patchbay up` (or `npm run demo`), or give another --url.",
      cause: error,
    });
  }
}

/** User and password go into a header: `fetch` refuses an address that has them. */
function partsOf(url: string): { address: URL; authorization: Record<string, string> } {
  const address = new URL(url);
  const { username, password } = address;
  address.username = "";
  address.password = "";
  if (username === "") return { address, authorization: {} };
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { address, authorization: { authorization: `Basic ${Buffer.from(pair).toString("base64")}` } };
}

async function sleepUntil(atMs: number): Promise<void> {
  const waitMs = atMs - performance.now();
  if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
}
