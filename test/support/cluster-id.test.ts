import { expect, test } from "vitest";
import { newClusterId } from "./kafka/java-broker.ts";

test("a broker for tests never gets an id that its command line takes for an option", () => {
  const ids = Array.from({ length: 10_000 }, newClusterId);
  expect(ids.filter((id) => id.startsWith("-"))).toEqual([]);
  expect(new Set(ids).size).toBe(ids.length);
});
