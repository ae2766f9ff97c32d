import { describe, expect, test } from "vitest";
import { webhook } from "../../connectors/webhook/index.ts";
import type { Connector } from "../../src/connector/index.ts";
import { requestsForOddCalls } from "./support/deliver-odd-calls.ts";
import { outside } from "./support/outside.ts";
import { askPython } from "./support/python.ts";

const { folder, skipped, note } = outside("python");

/** Two libraries that receivers use: each must verify what was sent, and refuse it with one byte changed. */
const PROGRAM = `
import json, sys
from standardwebhooks.webhooks import Webhook as Standard
from svix.webhooks import Webhook as Svix
given = json.load(sys.stdin)
answers = []
for one in given["requests"]:
    body, headers = one["body"].encode("utf-8"), one["headers"]
    verdicts = {}
    for name, library in (("standardwebhooks", Standard), ("svix", Svix)):
        webhook = library(given["secret"])
        try:
            webhook.verify(body, headers)
            verdicts[name] = "verified"
        except Exception as error:
            verdicts[name] = f"{type(error).__name__}: {error}"
        try:
            webhook.verify(body + b" ", headers)
            verdicts[name] += ", and a changed one too"
        except Exception:
            pass
    answers.append(verdicts)
json.dump(answers, sys.stdout)
`;

describe(`libraries for the receivers of webhooks${note}`, () => {
  test.skipIf(skipped)("verify the request of every odd call, byte by byte", async () => {
    const written = await requestsForOddCalls(webhook as unknown as Connector);
    expect(written.length).toBeGreaterThan(40);
    const { secret } = (await webhook.sandbox()).createSandbox().settings({ url: "http://127.0.0.1:1", folder: "" });
    const requests = written.map(({ request }) => ({ body: request.text, headers: request.headers }));
    const answers = await askPython<Record<string, string>[]>({
      folder,
      program: PROGRAM,
      input: { secret, requests },
    });
    for (const [index, verdicts] of answers.entries())
      expect({ what: written[index]?.what, ...verdicts }).toEqual({
        what: written[index]?.what,
        standardwebhooks: "verified",
        svix: "verified",
      });
  });
});
