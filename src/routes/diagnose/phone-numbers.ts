/** A plus, then 7 to 15 digits, the first not 0 (ITU-T E.164 §6.2). */
const E164 = /^\+[1-9]\d{6,14}$/;

/** What is wrong with a number of our own, as it is written; undefined where nothing is. Does not quote it. */
export function numberProblem(text: string): string | undefined {
  if (E164.test(text)) return undefined;
  const form = "must be a phone number in international form, such as +18005551234";
  const digits = text.replace(/\D/g, "");
  if (!/^\+?[\d\s().\-/]+$/.test(text) || digits.length < 4) return `${form}, without spaces`;
  if (/\(0\)/.test(text)) return `${form}: without the 0 in brackets`;
  if (/^\s*(00|011)[1-9]/.test(text.replace(/[\s().\-/]/g, ""))) return `${form}: + in place of ${digits.startsWith("011") ? "011" : "00"}`;
  if (text.trim().startsWith("+")) {
    if (/^\+0/.test(text.trim())) return `${form}: a country's code does not begin with 0`;
    return E164.test(`+${digits}`) ? `${form}: without spaces, brackets and dashes` : `${form}: it has 7 to 15 digits`;
  }
  if (digits.startsWith("0") || digits.length < 11) return `${form}: this has no country; +1 is the code of the USA, +49 of Germany`;
  return `${form}: it begins with +`;
}
