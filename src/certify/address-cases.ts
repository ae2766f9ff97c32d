/** What a destination's address may lead to: nobody, another host, a server of something else. */
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { inspect } from "node:util";
import type { Sandbox } from "../connector/index.ts";
import { certifyRecord } from "./calls.ts";
import { type Case, skipped } from "./cases.ts";
import { onOneHarness } from "./contract-cases.ts";
import { outcomeOf } from "./direct.ts";
import type { Harness } from "./harness.ts";
import type { Problem } from "./report.ts";

const REDIRECTS = [301, 302, 303, 307, 308];

/** A server on loopback while `run` runs. */
async function withServer<T>(listener: RequestListener, run: (url: string) => Promise<T>): Promise<T> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    return await run(`http://localhost:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
}

/** The settings that lead to the sandbox lead somewhere else. */
function leadTo({ settings, proxy }: Harness, url: string): void {
  for (const [key, text] of Object.entries(settings)) settings[key] = text.replace(proxy?.url ?? "", url.replace("localhost", "127.0.0.1"));
}

/** Answers with redirects to `url` from the first request on, or from the first that writes. */
function redirector(options: { status: number; url: string; from: "request" | "write" }) {
  const { status, url, from } = options;
  let leads = from === "request";
  return (request: Request, { writes }: Sandbox): Response | undefined => {
    const { pathname, search } = new URL(request.url);
    leads ||= writes?.({ method: request.method, path: pathname }) === true;
    return leads ? new Response(null, { status, headers: { location: `${url}${pathname}${search}` } }) : undefined;
  };
}

function redirectCase(from: "request" | "write"): Case {
  return {
    name: `redirected to another host by the first ${from}`,
    async run({ subject: { connector }, isHttp }) {
      if (!isHttp) return skipped("there is no HTTP between");
      const problems: Problem[] = [];
      let requests = 0;
      const other: RequestListener = (_, response) => {
        requests += 1;
        response.writeHead(200, { "content-type": "application/json" }).end("{}");
      };
      await withServer(other, async (url) => {
        for (const status of REDIRECTS) {
          const redirect = redirector({ status, url, from });
          // What is made once before the first call is no delivery.
          let isReady = false;
          const answer = (request: Request, sandbox: Sandbox) => (isReady ? redirect(request, sandbox) : undefined);
          const found = await onOneHarness({ connector, answer }, async (harness, say) => {
            isReady = true;
            const outcome = await outcomeOf(harness, certifyRecord());
            if (outcome?.kind === "delivered" || outcome?.kind === "rejected")
              say("lost", `HTTP ${status}: the outcome is ${outcome.kind}`);
            if ((await harness.records()).length > 0) say("wrong class", `HTTP ${status}: there is a record`);
          });
          problems.push(...found.problems);
        }
      });
      if (requests > 0) problems.push({ kind: "leaked", text: `it asked the other host ${requests} times` });
      return { runs: REDIRECTS.length, problems };
    },
  };
}

export const addressCases: Case[] = [
  {
    name: "nobody listens at its address",
    async run({ subject: { connector }, isHttp }) {
      if (!isHttp) return skipped("there is no HTTP between");
      return onOneHarness({ connector }, async (harness, say) => {
        const closed = await withServer(
          () => undefined,
          async (url) => url,
        );
        leadTo(harness, closed);
        const outcome = await outcomeOf(harness, certifyRecord());
        if (outcome?.kind !== "retry" || outcome.because !== "down")
          say("wrong class", `the outcome is ${outcome?.kind}, not retry: the destination is down`);
      });
    },
  },
  redirectCase("request"),
  redirectCase("write"),
  {
    name: "500 with a page of HTML, whatever it asks",
    async run({ subject: { connector }, isHttp }) {
      if (!isHttp) return skipped("there is no HTTP between");
      const page: RequestListener = (_, response) => response.writeHead(500, { "content-type": "text/html" }).end("<h1>nectarine</h1>");
      return withServer(page, (url) =>
        onOneHarness({ connector }, async (harness, say) => {
          leadTo(harness, url);
          const outcome = await outcomeOf(harness, certifyRecord());
          if (!outcome || !["retry", "ambiguous", "needs-fix"].includes(outcome.kind))
            say("wrong class", `the outcome is ${outcome?.kind}`);
          if (inspect(outcome).includes("nectarine")) say("leaked", "the outcome holds the text of the page");
        }),
      );
    },
  },
];
