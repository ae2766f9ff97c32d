import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Connector, OpenDestination } from "../../src/connector/index.ts";
import { serveSandbox } from "../../src/sandbox/serve.ts";

export interface WrittenRequest {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: unknown;
  /** As it came. */
  text: string;
}

/** A destination on its sandbox, and what writes there; `requests` is undefined where it is no HTTP. Closed when the test has finished. */
export async function openRecorded(connector: Connector): Promise<{
  destination: OpenDestination<Record<string, unknown>>;
  requests: WrittenRequest[] | undefined;
  records(): Promise<Record<string, unknown>[]>;
  example: Record<string, unknown>;
}> {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-recorded-"));
  const sandbox = (await connector.sandbox()).createSandbox({ limits: false });
  const requests: WrittenRequest[] = [];
  const served = await serveSandbox({
    sandbox: {
      ...sandbox,
      ...(sandbox.fetch && {
        async fetch(request: Request) {
          const path = new URL(request.url).pathname;
          if (sandbox.writes?.({ method: request.method, path })) requests.push(await writtenRequest(request.clone(), path));
          return sandbox.fetch?.(request) ?? Response.error();
        },
      }),
    },
  });
  onTestFinished(async () => {
    await served.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const settings = connector.settings.parse(sandbox.settings({ url: served.url, folder }));
  const how = { settings, timezone: "Europe/Berlin", timeoutMs: 10_000 };
  await connector.setup?.(how);
  requests.length = 0;
  const destination = await connector.open(how);
  onTestFinished(() => destination.close());
  const records = async () => (await sandbox.records()).map(({ body }) => body);
  return { destination, requests: sandbox.fetch && requests, records, example: sandbox.example };
}

async function writtenRequest(request: Request, path: string): Promise<WrittenRequest> {
  const text = await request.text();
  const isForm = request.headers.get("content-type")?.includes("form-urlencoded") ?? false;
  // JSON as it is; of a form each field, its JSON read.
  const body = isForm ? Object.fromEntries([...new URLSearchParams(text)].map(([name, value]) => [name, readJson(value)])) : readJson(text);
  return { method: request.method, path, headers: Object.fromEntries(request.headers), body, text };
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
