import { describe, expect, test } from "vitest";
import { hasMoreValues } from "../../src/model/values.ts";
import { QUARANTINE_TOPIC, testIngress } from "../ingress/support.ts";

const MOST = 100;
const more = (text: string) => hasMoreValues(Buffer.from(text), MOST);

describe("a text with too many values", () => {
  test.each([
    ["numbers", `{"a":[${"0,".repeat(200)}0]}`],
    ["empty lists", `{"a":[${"[],".repeat(200)}[]]}`],
    ["members", `{${Array.from({ length: 100 }, (_, n) => `"${n}":0`).join()}}`],
    ["a quote that ends behind two backslashes", `{"a":"\\\\",${"0,".repeat(200)}}`],
  ])("of %s is told by its signs", (_, text) => {
    expect(more(text)).toBe(true);
  });

  test.each([
    ["a transcript full of signs", JSON.stringify({ transcript: `a,b:c[d{e "quoted, and [more]" \\ `.repeat(500) })],
    ["a string without an end", `{"a":"${",".repeat(1_000)}`],
    ["a string that ends in a backslash and a quote", `{"a":"${"\\\\".repeat(300)}\\",${",".repeat(500)}"}`],
    ["few values in much space", `{"a":${" ".repeat(1_000)}1}`],
    ["nothing", ""],
  ])("is not one with %s", (_, text) => {
    expect(more(text)).toBe(false);
  });
});

test("a signed body of half a million values is refused before it is read, and kept in quarantine", async () => {
  const { post, stored } = await testIngress();
  const body = `{"call_id":"c","metadata":[${"0,".repeat(499_000)}0]}`;
  expect(await post({ body })).toMatchObject({ status: 422, json: { code: "too_many_values" } });
  expect(await stored(QUARANTINE_TOPIC)).toHaveLength(1);
  expect(await stored()).toEqual([]);
});
