import { getCountries } from "libphonenumber-js";
import { describe, expect, test } from "vitest";
import { e164Of, isSameNumber, spelledForms, storedForms, toE164, typedGroups } from "../../src/model/phone.ts";
import { COUNTRIES, exampleOf, typedForms } from "../support/phone-forms.ts";

describe("a number as people type it is the caller's", () => {
  test.each(COUNTRIES)("in every form of %s", (country) => {
    const { number, code, home, anywhere } = typedForms(country);
    const missed = [...home, ...anywhere].filter(({ text }) => !isSameNumber(text, { number, homeCode: code }));
    expect(missed).toEqual([]);
  });

  test.each(COUNTRIES)("with its country (%s) also in an organisation abroad", (country) => {
    const { number, code, anywhere } = typedForms(country);
    for (const homeCode of ["1", "44", "49"].filter((one) => one !== code)) {
      const missed = anywhere.filter(({ text }) => !isSameNumber(text, { number, homeCode }));
      expect(missed).toEqual([]);
    }
  });

  test("with its country in every country that the library knows", () => {
    for (const country of getCountries()) {
      const { number, anywhere } = typedForms(country);
      expect([country, anywhere.filter(({ text }) => !isSameNumber(text, { number, homeCode: "1" }))]).toEqual([country, []]);
    }
  });

  test.each([
    ["+442079460104", "44 20 7946 0104", "44"],
    ["+442079460104", "44 20 7946 0104", "49"],
    ["+79123456789", "8 (912) 345-67-89", "7"],
    ["+36301234567", "06 30 123 4567", "36"],
    ["+37061234567", "8 612 34567", "370"],
    ["+375291234567", "8 029 123-45-67", "375"],
    ["+525512345678", "+52 1 55 1234 5678", "52"],
    ["+525512345678", "044 55 1234 5678", "52"],
    ["+5215512345678", "+52 55 1234 5678", "52"],
    ["+5491123456789", "11 2345-6789", "54"],
    ["+5491123456789", "011 15-2345-6789", "54"],
    ["+390669812345", "(06) 69812345", "39"],
    ["+5511912345678", "(011) 91234-5678", "55"],
    ["+4930230125105", "030/23012-5105", "49"],
    ["+4930230125105", "030 23012-5105/06", "49"],
    ["+4311234567", "+43 1 12345 DW 67", "43"],
    ["+43112345", "+43 1 12345 DW 67", "43"],
    ["+14155550100", "4155550100,,204", "1"],
    ["+14155550100", "Office: 415-555-0199; Mobile: 415-555-0100", "1"],
    ["+14155550100", "415-555-0199\n415-555-0100", "1"],
    ["+14155550100", "415-555-0199 or 415-555-0100", "1"],
    ["+14155550100", "415-555-0199  415-555-0100", "1"],
    ["+14155550100", "(415) 555-0199 - (415) 555-0100", "1"],
    ["+442079460104", "+44 7700 900123 +44 20 7946 0104", "44"],
    ["+442079460104", "tel:20-7946-0104;phone-context=+44", "1"],
    ["+442079460104", "tel:%2B44%2020%207946%200104", "1"],
    ["+966501234567", "٠٥٠ ١٢٣ ٤٥٦٧", "966"],
  ])("%s is %j", (number, text, homeCode) => {
    expect(isSameNumber(text, { number, homeCode })).toBe(true);
  });
});

describe("a number is not the caller's", () => {
  test.each(COUNTRIES)("when it is a neighbour's, in every form of %s", (country) => {
    const { number, code, home, anywhere } = typedForms(country);
    const last = Number(number.at(-1));
    const neighbours = [number.slice(0, -1) + ((last + 1) % 10), number.slice(0, -2) + ((last + 3) % 10) + number.at(-1), `${number}4`];
    for (const neighbour of neighbours) {
      expect([...home, ...anywhere].filter(({ text }) => isSameNumber(text, { number: neighbour, homeCode: code }))).toEqual([]);
    }
  });

  test.each(COUNTRIES)("when it is the same national number of another country than %s", (country) => {
    const { nationalNumber, number } = exampleOf(country);
    const { anywhere } = typedForms(country);
    for (const code of ["1", "44", "49", "358", "7"]) {
      const other = `+${code}${nationalNumber}`;
      if (other === number) continue;
      expect(anywhere.filter(({ text }) => isSameNumber(text, { number: other, homeCode: code }))).toEqual([]);
    }
  });

  test.each([
    ["another extension of the block", "+4311234568", "+43 1 12345 DW 67", "43"],
    ["another direct number", "+4930230125106", "+49 30 23012 DW 5105", "49"],
    ["a number with a digit more", "+14155550100", "415-555-01001", "1"],
    ["its end alone", "+14155550100", "555-0100", "1"],
    ["a short number", "+14155550100", "0100", "1"],
    ["a local number at home, and the caller is from abroad", "+3545550100", "555-0100", "1"],
    ["the same digits at home", "+494155550100", "(415) 555-0100", "1"],
    ["the extension, dialled in full", "+14155550100", "(212) 555-0123 x4155550", "1"],
    ["an extension that looks like the end of it", "+442079460104", "020 7946 x0104", "44"],
    ["two halves of two numbers", "+14155550100", "415-555-0199 / 212-555-0100", "1"],
    ["no number", "+14155550100", "call me maybe", "1"],
    ["a plus before a national number", "+14155550100", "+4155550100", "1"],
  ])("when it is %s", (_, number, text, homeCode) => {
    expect(isSameNumber(text, { number, homeCode })).toBe(false);
  });

  test("when nothing is stored, or the caller has none", () => {
    for (const stored of [undefined, null, "", " ", "+"])
      expect(isSameNumber(stored, { number: "+14155550100", homeCode: "1" })).toBe(false);
    for (const number of ["", "anonymous", "+"]) expect(isSameNumber("4155550100", { number, homeCode: "1" })).toBe(false);
  });
});

describe("what a CRM is asked for", () => {
  test("are the digits of every form, the likeliest first, and few enough for a query", () => {
    expect(storedForms("+442079460104").slice(0, 8)).toEqual([
      "2079460104",
      "02079460104",
      "442079460104",
      "4402079460104",
      "00442079460104",
      "004402079460104",
      "011442079460104",
      "0114402079460104",
    ]);
    for (const country of getCountries()) {
      const forms = storedForms(exampleOf(country).number);
      expect(forms.length).toBeLessThanOrEqual(16);
      for (const form of forms) expect(form).toMatch(/^\d{6,20}$/);
      expect(new Set(forms).size).toBe(forms.length);
    }
    expect(storedForms("anonymous")).toEqual([]);
  });

  test.each(COUNTRIES)("are digits under which each form of %s begins", (country) => {
    const { number, home, anywhere } = typedForms(country);
    const forms = storedForms(number);
    const alone = [...home, ...anywhere].filter(({ name }) => !/another number|full-width/.test(name));
    const missed = alone.filter(({ text }) => !forms.some((form) => text.replace(/\D/g, "").startsWith(form)));
    expect(missed).toEqual([]);
  });

  test("are its usual groups and spellings, where a CRM searches by words or compares text", () => {
    expect(typedGroups("+442079460104")).toEqual(["20 7946 0104", "020 7946 0104"]);
    expect(typedGroups("+14155550100")).toEqual(["415 555 0100"]);
    const spelled = spelledForms("+14155550100");
    for (const usual of [
      "+14155550100",
      "(415) 555-0100",
      "415-555-0100",
      "+1 415-555-0100",
      "1 (415) 555-0100",
      "415.555.0100",
      "4155550100",
    ]) {
      expect(spelled).toContain(usual);
    }
    expect(spelledForms("+442079460104")).toEqual(
      expect.arrayContaining(["020 7946 0104", "+44 20 7946 0104", "+44 (0)20 7946 0104", "0044 20 7946 0104", "02079460104"]),
    );
    for (const country of getCountries()) {
      const { number } = exampleOf(country);
      const wrong = spelledForms(number).filter((text) => !isSameNumber(text, { number, homeCode: exampleOf(country).countryCallingCode }));
      expect([country, wrong]).toEqual([country, []]);
    }
  });
});

test("numbers in E.164, in any form that names their country", () => {
  const same = [
    "+44 (0)20 7946 0104",
    "0044 20 7946 0104",
    "tel:+44-20-7946-0104",
    "＋44 20 7946 0104",
    "+44\u00a020\u202f7946\u20110104",
    "\u202a+442079460104\u202c",
  ];
  expect(same.map(toE164)).toEqual(same.map(() => "+442079460104"));
  const none = [
    "anonymous",
    "",
    "sip:+14155550100@example.com",
    "112",
    "+49",
    "0049",
    "4155550100",
    "020 7946 0104",
    "+44 20 7946 0104 / +44 20 7946 0105",
  ];
  expect(none.map(toE164)).toEqual(none.map(() => ""));
  expect([e164Of(undefined), e164Of("+49 30"), e164Of("020 7946 0104")]).toEqual([undefined, "+4930", undefined]);
});

test("a text is read as far as a field for numbers can be long: what a note says behind that is no number", () => {
  const note = `${"x ".repeat(150)}415-555-0100`;
  expect(isSameNumber(note, { number: "+14155550100", homeCode: "1" })).toBe(false);
  expect(isSameNumber(`415-555-0100 ${note}`, { number: "+14155550100", homeCode: "1" })).toBe(true);
});
