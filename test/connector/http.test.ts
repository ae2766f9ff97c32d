import { describe, expect, test } from "vitest";
import { type Connector, outcomeOfStatus } from "../../src/connector/index.ts";

const of = (status: number, duplicates: Connector["duplicates"], headers: Record<string, string> = {}) => {
  const outcome = outcomeOfStatus({ status, headers: new Headers(headers) }, { title: "Acme", fix: "Mend it", duplicates });
  return outcome?.kind === "retry" ? `retry ${outcome.because}` : outcome?.kind;
};

/** `none`: where nothing tells a second message from the first. */
const MEANINGS: [status: number, nativeKey: string | undefined, none: string | undefined][] = [
  [200, undefined, undefined],
  [202, undefined, undefined],
  [301, "needs-fix", "needs-fix"],
  [307, "needs-fix", "needs-fix"],
  [400, "rejected", "rejected"],
  [401, "needs-fix", "needs-fix"],
  [402, "needs-fix", "needs-fix"],
  [403, "needs-fix", "needs-fix"],
  [404, "needs-fix", "needs-fix"],
  [405, "needs-fix", "needs-fix"],
  [407, "needs-fix", "needs-fix"],
  [408, "retry record", "retry record"],
  [409, "retry record", "retry record"],
  [410, "needs-fix", "needs-fix"],
  [413, "rejected", "rejected"],
  [415, "rejected", "rejected"],
  [420, "retry rate-limit", "retry rate-limit"],
  [421, "retry down", "retry down"],
  [422, "rejected", "rejected"],
  [423, "retry record", "retry record"],
  [424, "retry record", "retry record"],
  [425, "retry record", "retry record"],
  [426, "needs-fix", "needs-fix"],
  [429, "retry rate-limit", "retry rate-limit"],
  [451, "needs-fix", "needs-fix"],
  [477, "retry down", "retry down"],
  [495, "needs-fix", "needs-fix"],
  [497, "needs-fix", "needs-fix"],
  [500, "retry server", "ambiguous"],
  [501, "needs-fix", "needs-fix"],
  [502, "retry server", "ambiguous"],
  [503, "retry down", "retry down"],
  [504, "retry server", "ambiguous"],
  [505, "needs-fix", "needs-fix"],
  [507, "retry down", "retry down"],
  [508, "retry down", "retry down"],
  [509, "retry rate-limit", "retry rate-limit"],
  [510, "needs-fix", "needs-fix"],
  [511, "needs-fix", "needs-fix"],
  // Cloudflare's. After 520, 522 and 524 the server behind it may have got the request.
  [520, "retry server", "ambiguous"],
  [521, "retry down", "retry down"],
  [522, "retry server", "ambiguous"],
  [523, "retry down", "retry down"],
  [524, "retry server", "ambiguous"],
  [525, "retry down", "retry down"],
  [526, "retry down", "retry down"],
  [529, "retry down", "retry down"],
  [530, "retry down", "retry down"],
  [598, "retry server", "ambiguous"],
  [599, "retry server", "ambiguous"],
];

describe("what a status means where the vendor says nothing better", () => {
  test.each(MEANINGS)("%i is %s, and %s without a native key", (status, nativeKey, none) => {
    expect([of(status, "native-key"), of(status, "none")]).toEqual([nativeKey, none]);
  });

  test.each([429, 477, 503, 507, 509, 529, 530, 425, 500])(
    "%i waits as long as Retry-After says, in seconds or as a date, a day at most",
    (status) => {
      const wait = (retryAfter: string) => {
        const outcome = outcomeOfStatus(
          { status, headers: new Headers({ "retry-after": retryAfter }) },
          { title: "Acme", fix: "Mend it", duplicates: "native-key" },
        );
        return outcome && "retryAfterMs" in outcome ? outcome.retryAfterMs : undefined;
      };
      expect(wait("37")).toBe(37_000);
      expect(wait(new Date(Date.now() + 90_000).toUTCString())).toBeGreaterThan(60_000);
      expect(wait("999999999")).toBe(24 * 3_600_000);
      expect(wait("soon")).toBeUndefined();
    },
  );

  test("410 alone stops the route", () => {
    const stops = MEANINGS.filter(([status]) => {
      const outcome = outcomeOfStatus({ status, headers: new Headers() }, { title: "Acme", fix: "Mend it", duplicates: "none" });
      return outcome?.kind === "needs-fix" && outcome.stopsRoute;
    });
    expect(stops.map(([status]) => status)).toEqual([410]);
  });
});
