/** How people type phone numbers, made from the example numbers of libphonenumber: the table that every CRM connector must find its people by. */
import { type CountryCode, getCountryCallingCode, getExampleNumber, type PhoneNumber } from "libphonenumber-js";
import examples from "libphonenumber-js/examples.mobile.json" with { type: "json" };

export interface TypedForm {
  /** What is special about it: `trunk prefix in brackets`. */
  name: string;
  /** As it stands in a field of the CRM. */
  text: string;
}

/** On every continent, with every habit: trunk prefixes 0, 8, 06 and none, open and closed number plans, 7 to 11 digits. */
export const COUNTRIES =
  "US CA MX BR AR CL CO GB IE FR DE AT CH NL BE IT ES PT DK SE NO FI IS PL CZ HU RO GR TR RU UA LT BY IL AE SA EG ZA NG KE IN CN JP KR SG HK TH AU NZ"
    .split(" ")
    .map((country) => country as CountryCode);

/** What is dialled from there before a foreign country. */
const DIALLED_FROM: Partial<Record<CountryCode, string>> = { US: "011", CA: "011", AU: "0011", JP: "010", RU: "810", BY: "810" };

export function exampleOf(country: CountryCode): PhoneNumber {
  const example = getExampleNumber(country, examples);
  if (!example) throw new Error(`no example number of ${country}`);
  return example;
}

/** The trunk prefix as the national form shows it; "" where none is dialled. */
function trunkOf(example: PhoneNumber): string {
  const digits = example.formatNational().replace(/\D/g, "");
  const at = digits.indexOf(example.nationalNumber);
  return at > 0 ? digits.slice(0, at) : "";
}

/** Every form of one number. `home`: those that are typed in its own country only. */
export function typedForms(country: CountryCode): { number: string; code: string; home: TypedForm[]; anywhere: TypedForm[] } {
  const example = exampleOf(country);
  const { number, nationalNumber } = example;
  const code = getCountryCallingCode(country);
  const national = example.formatNational();
  const groups = example.formatInternational().split(" ").slice(1).join(" ");
  const trunk = trunkOf(example);
  const fullWidth = (text: string) => text.replace(/[\d+()-]/g, (sign) => String.fromCodePoint((sign.codePointAt(0) ?? 0) + 0xfee0));
  const form = (name: string, text: string): TypedForm => ({ name, text });
  return {
    number,
    code,
    home: [
      form("national", national),
      form("national, digits only", national.replace(/\D/g, "")),
      form("national, with dots", national.replace(/\D+/g, ".").replace(/^\.|\.$/g, "")),
      form(
        "national, area code in brackets and a slash",
        national
          .replace(/\D+/g, " ")
          .trim()
          .replace(/^(\d+) /, "($1)/"),
      ),
      form("without its trunk prefix", groups),
      form("without its trunk prefix, digits only", nationalNumber),
      form("with an extension: x204", `${national} x204`),
      form("with an extension: ext. 204", `${national} ext. 204`),
      form("with an extension: #204", `${national} #204`),
      form("with an extension: poste 204", `${national} poste 204`),
      form("before another number", `${national} / ${exampleOf("FR").formatInternational()}`),
      form("behind another number", `${exampleOf("FR").formatInternational()} / ${national}`),
      form("behind a word", `Mobile: ${national}`),
      form("full-width digits", fullWidth(national)),
      form("thin spaces", national.replaceAll(" ", "\u202f")),
      form("invisible marks", `\u202d${national}\u202c`),
    ],
    anywhere: [
      form("E.164", number),
      form("international", example.formatInternational()),
      form("international, with hyphens", example.formatInternational().replaceAll(" ", "-")),
      form("international, no-break spaces", example.formatInternational().replaceAll(" ", "\u00a0")),
      form("country in brackets", `(+${code}) ${groups}`),
      form("00", `00 ${code} ${groups}`),
      form("00, digits only", `00${number.slice(1)}`),
      form("011", `011 ${code} ${groups}`),
      form("011, digits only", `011${number.slice(1)}`),
      form("as dialled from home", `${DIALLED_FROM[country] ?? "00"} ${code} ${groups}`),
      form("country code twice", `+${code} ${code} ${groups}`),
      form("country code twice, with both plus signs", `+${code} ${number}`),
      form("international with an extension", `${example.formatInternational()} ext 204`),
      form("tel:", `tel:${number}`),
      form("tel: with an extension", `tel:${number};ext=204`),
      ...(trunk === "" || trunk === code
        ? []
        : [
            form("trunk prefix in brackets", `+${code} (${trunk})${groups}`),
            form("trunk prefix in brackets, 00", `00${code} (${trunk}) ${groups}`),
          ]),
    ],
  };
}
