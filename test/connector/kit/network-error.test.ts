import { expect, test } from "vitest";
import { namingHost, outcomeOfNetworkError, outcomeOfReadingError } from "../../../src/connector/index.ts";

const coded = (code: string, more: object = {}) => Object.assign(new Error("x"), { code, ...more });
const fetchFailed = (cause: Error) => Object.assign(new TypeError("fetch failed"), { cause });

async function failing(url: string, error: Error): Promise<Error> {
  return namingHost(url, () => Promise.reject(error)).catch((thrown: Error) => thrown);
}

test.each([
  ["a name without an address", coded("ENOTFOUND", { hostname: "api.acme.test" }), "api.acme.test cannot be reached (ENOTFOUND)"],
  ["a refused connection", coded("ECONNREFUSED", { address: "127.0.0.1", port: 443 }), "127.0.0.1:443 cannot be reached (ECONNREFUSED)"],
  ["an error below an error", fetchFailed(coded("EHOSTUNREACH")), "the destination cannot be reached (EHOSTUNREACH)"],
  [
    "several addresses of a name",
    fetchFailed(new AggregateError([coded("ECONNREFUSED", { address: "::1", port: 1 })])),
    "[::1]:1 cannot be reached (ECONNREFUSED)",
  ],
])("%s: the reason says host and code once", (_what, error, reason) => {
  expect(outcomeOfNetworkError(error)).toMatchObject({ kind: "retry", because: "down", reason });
});

test("the host of a request is named where the error does not name one", async () => {
  const error = await failing("https://api.acme.test/v1/secret?token=1", fetchFailed(coded("ECONNREFUSED")));
  expect(outcomeOfNetworkError(error)).toMatchObject({ reason: "api.acme.test cannot be reached (ECONNREFUSED)" });
});

test("without an answer a request that wrote nothing says that the destination is down; another is unclear", async () => {
  const error = await failing("https://api.acme.test/", coded("ECONNRESET"));
  expect(outcomeOfNetworkError(error)).toMatchObject({ kind: "ambiguous", code: "ECONNRESET" });
  const reason = "api.acme.test does not answer as it should (ECONNRESET)";
  expect(outcomeOfReadingError(error)).toEqual({ kind: "retry", because: "down", code: "ECONNRESET", reason });
});

test("an error that is none of the network's has no outcome", () => {
  expect([outcomeOfNetworkError(new TypeError("x is not a function")), outcomeOfReadingError("text")]).toEqual([undefined, undefined]);
});
