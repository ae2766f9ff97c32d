import { createHmac } from "node:crypto";
import { readFile } from "node:fs/promises";
import { text as readAll } from "node:stream/consumers";
import type { ExitCode } from "../errors.ts";
import { UnreachableError, UsageError } from "../errors.ts";
import { sampleCall } from "../sandbox/calls.ts";
import { type CommonOptions, readEnvironment } from "./context.ts";
import { bar, createProgress } from "./progress.ts";

/** More than this are told as a sum. */
const SHOWN_ONE_BY_ONE = 20;
const TIMEOUT_MS = 15_000;

export interface SendOptions extends CommonOptions {
  url?: string;
  secret?: string;
  count: number;
  rate?: number;
  test?: boolean;
}

/** `patchbay send [file]`: signs and posts a call as VoiceInfra would. Exit code 1 when any was not accepted. */
export async function sendCommand(file: string | undefined, options: SendOptions): Promise<ExitCode> {
  const env = readEnvironment();
  const url = options.url ?? `http://127.0.0.1:${env.PORT ?? 8080}/webhooks/voiceinfra`;
  const secret = options.secret ?? env.VOICEINFRA_WEBHOOK_SECRET;
  if (!URL.canParse(url)) throw new UsageError(`"${url}" is not a URL`, { hint: "It begins with http:// or https://." });
  const body = file === undefined ? undefined : await readBody(file);
  if (secret === undefined) {
    throw new UsageError("there is no secret to sign with", {
      hint: "Set VOICEINFRA_WEBHOOK_SECRET (or put it into .env), or give --secret.",
    });
  }

  const bodyOf = (index: number) =>
    options.test ? asTest(body, index) : (body ?? Buffer.from(JSON.stringify(sampleCall(index), null, 2)));
  let refused = 0;
  const many = options.count > SHOWN_ONE_BY_ONE && !options.json;
  const statuses = new Map<number, number>();
  const progress = createProgress({ enabled: many });
  const startedAtMs = performance.now();
  for (let index = 0; index < options.count; index += 1) {
    if (options.rate !== undefined) await sleepUntil(startedAtMs + (index * 1000) / options.rate);
    const answer = await post({ url, secret, body: bodyOf(index) });
    if (answer.status !== 200) refused += 1;
    statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
    progress.show(`${bar(index + 1, options.count)} ${index + 1} of ${options.count} sent`);
    if (options.json) console.log(JSON.stringify(answer));
    // What was refused is shown always: it says why.
    else if (!many || answer.status !== 200) {
      progress.clear();
      console.log(`${answer.status} in ${Math.round(answer.tookMs)} ms  ${answer.body.trim()}`);
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
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(`cannot read ${file}: ${code === "ENOENT" ? "there is no such file" : code}`, { cause: error });
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
  let response: Response;
  try {
    response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", "x-voiceinfra-signature": signature },
      body: body as Uint8Array<ArrayBuffer>,
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch (error) {
    throw new UnreachableError(`nothing answers at ${url}`, {
      address: url,
      hint: "Is it running? Start it with `patchbay up` (or `npm run demo`), or give another --url.",
      cause: error,
    });
  }
  return { status: response.status, body: await response.text(), tookMs: performance.now() - startedAtMs };
}

async function sleepUntil(atMs: number): Promise<void> {
  const waitMs = atMs - performance.now();
  if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
}
