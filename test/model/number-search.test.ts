import { describe, expect, test } from "vitest";
import { isWantedNumber, mentionsNumber, wantedNumber } from "../../src/model/number-search.ts";

const US = ["+18005551234"];
const US_AND_DE = ["+18005551234", "+493022334455"];
const numbersOf = (typed: string, own: string[] = US) => wantedNumber(typed, own)?.numbers;

describe("what somebody means by a number that they typed", () => {
  test.each([
    ["+14155550123", US, ["+14155550123"]],
    ["(415) 555-0123", US, ["+14155550123"]],
    ["415.555.0123", US, ["+14155550123"]],
    ["415 555 0123 ext. 12", US, ["+14155550123"]],
    ["+1 415-555-0123 x12", [], ["+14155550123"]],
    ["tel:+1-415-555-0123", [], ["+14155550123"]],
    ["sip:+14155550123@carrier.example;user=phone", [], ["+14155550123"]],
    ["0044 20 7946 0018", US, ["+442079460018"]],
    ["011 44 20 7946 0018", US, ["+442079460018"]],
    ["+44 (0)20 7946 0018", US, ["+442079460018"]],
    ["030 22334455", ["+493022334455"], ["+493022334455"]],
    // A good number in both countries: both are looked for, and shown.
    ["4155550123", US_AND_DE, ["+14155550123", "+494155550123"]],
    // Nothing says of which country it is.
    ["(415) 555-0123", [], []],
  ])("%s, our own numbers being %j", (typed, own, numbers) => {
    expect(numbersOf(typed, own)).toEqual(numbers);
  });

  test.each(["call_01HXYZ123456", "anonymous", "", "8f14e45f-ceea-467f-a5fd-1d2b3c4d5e6f", "4155550123-b"])("%j is no number", (typed) => {
    expect(wantedNumber(typed, US)).toBeUndefined();
  });

  test("a caller by SIP and a short code are looked for as they are written", () => {
    const anna = wantedNumber("SIP:Anna@voip.example", US);
    expect(anna && ["sip:anna@voip.example;transport=tls", "anna@VOIP.example"].map((one) => isWantedNumber(one, anna))).toEqual([
      true,
      true,
    ]);
    expect(anna && isWantedNumber("sip:hanna@voip.example", anna)).toBe(false);
    const short = wantedNumber("72345", US);
    expect(short && [isWantedNumber("72345", short), isWantedNumber(72345, short), isWantedNumber("723456", short)]).toEqual([
      true,
      true,
      false,
    ]);
  });
});

describe("whether a value is the number", () => {
  const wanted = wantedNumber("+14155550123", US);
  test.each([
    "+14155550123",
    "14155550123",
    14155550123,
    "+1 415 555 0123",
    "+1 (415) 555-0123",
    "(415) 555-0123",
    "4155550123",
    "415-555-0123 ext. 9",
    "001 415 555 0123",
    "011 1 415 555 0123",
    "sip:+14155550123@carrier.example",
    "sip:14155550123@carrier.example;user=phone",
    "tel:+1-415-555-0123",
    "+1\u00a0415\u2011555\u20110123",
  ])("%j is", (value) => {
    expect(wanted && isWantedNumber(value, wanted)).toBe(true);
  });

  test.each(["+14155550124", "+494155550123", "141555501234", "5550123", "call_14155550123", "", "x".repeat(50_000), 1_415_555_012])(
    "%j is not",
    (value) => {
      expect(wanted && isWantedNumber(value, wanted)).toBe(false);
    },
  );

  test("one that stands in a longer text is found there, and not inside other digits", () => {
    const says = (text: string) => wanted && mentionsNumber(text, wanted);
    expect(says("Please call me back at 415-555-0123 after five.")).toBe(true);
    expect(says("https://rec.example/+14155550123/a.mp3")).toBe(true);
    expect(says("My number is (415) 555-0123.")).toBe(true);
    expect(says("Order 94155550123456 of 2026")).toBe(false);
    expect(says("four one five")).toBe(false);
  });

  test("a long text is looked through in no time", () => {
    const text = "1 415 555 ".repeat(100_000);
    const beganMs = performance.now();
    expect(wanted && mentionsNumber(text, wanted)).toBe(false);
    // Two seconds where it takes some 0.2: only a quadratic search is slower.
    expect(performance.now() - beganMs).toBeLessThan(10_000);
  });
});
