import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { SETTING_NAMES } from "../../src/commands/environment.ts";
import { createIngressMetrics } from "../../src/ingress/metrics.ts";

const page = readFileSync(new URL("../../docs/operations.md", import.meta.url), "utf8");

test.each(SETTING_NAMES)("docs/operations.md says what %s is", (name) => {
  expect(page).toMatch(new RegExp(`^\\|[^|]*\\| \`${name}\` `, "m"));
});

test("docs/operations.md names every figure of the ingress", async () => {
  const names = createIngressMetrics()
    .registry.getMetricsAsArray()
    .map(({ name }) => name);
  expect(names.length).toBeGreaterThan(5);
  for (const name of names)
    expect(page, name).toContain(
      `\`${name.replace(/^patchbay_ingress(?=_)/, "")}\``.replace("`_requests_total`", "`patchbay_ingress_requests_total`"),
    );
});
