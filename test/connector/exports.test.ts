import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseSync } from "oxc-parser";
import { expect, test } from "vitest";
import * as contract from "../../src/connector/index.ts";

const PATH = join(resolve(import.meta.dirname, "../.."), "src/connector/index.ts");

/** Every name that `patchbay/connector` exports, types too. */
function exportedNames(): string[] {
  const { module: found } = parseSync(PATH, readFileSync(PATH, "utf8"));
  return found.staticExports.flatMap(({ entries }) => entries.map(({ exportName }) => exportName.name ?? "")).toSorted();
}

test("what connectors from outside may import: a name that goes or comes is a decision", async () => {
  await expect(`${exportedNames().join("\n")}\n`).toMatchFileSnapshot("exports.txt");
});

test("names of contract 1 are still there", () => {
  const { createExpiringCache, outcomeOfEdge, outcomeOfStatus, flag, remembered, durationText, timeText, untilAborted } = contract;
  const cache = createExpiringCache<string>({ maxEntries: 1 });
  cache.set("a", "1", 60_000);
  expect(cache.get("a")).toBe("1");
  expect([outcomeOfEdge(404, { title: "Acme", fix: "x", retryAfter: null }), durationText(147)]).toEqual([undefined, "2 min 27 s"]);
  expect(outcomeOfEdge(503, { title: "Acme", fix: "x", retryAfter: "37" })).toMatchObject({ because: "down", retryAfterMs: 37_000 });
  const answer = { status: 404, headers: new Headers() };
  expect(outcomeOfStatus(answer, { title: "Acme", fix: "x", duplicates: "none" })).toMatchObject({ kind: "needs-fix" });
  expect([flag, remembered, timeText, untilAborted].every((one) => typeof one === "function")).toBe(true);
});
