/** Phone numbers in a text that a person typed. */

/** What a text may mean: only digits, and whether a plus stands before them, so that they begin with a country. */
export interface TypedNumber {
  digits: string;
  hasPlus: boolean;
}

/** No field of a CRM for a number is longer; a note that somebody put there is not read to its end. */
const MAX_LENGTH = 200;
/** Fewer digits than this are no number of their own beside another: an extension, a range, a room. */
const OWN_DIGITS = 7;
/** With so many behind a slash, and as many before it, it stands between two numbers: "030/1234567" is one. */
const BESIDE_SLASH = 8;
const MAX_DIGITS = 15;
const MAX_EXTENSION = 7;

/** Zero in the other scripts that people type numbers in: Arabic, Persian, Devanagari, Bengali, Thai. */
const ZEROS = [0x660, 0x6f0, 0x966, 0x9e6, 0xe50];

/** Words between a number and its extension, in small letters without dots. */
const EXTENSION = new Set(
  `x ext extn extension extensión poste nst nebenstelle app apparat int interno interne est anexo ramal rml wew wewn wewnętrzny доб доп внутр вн
  toestel tst linka klapka lok lokal ankn anknytning dahili mellék mell εσωτ 内線 内线 分機 分机 転 转 轉 내선 שלוחה תוספת تحويلة داخلي`.split(
    /\s+/,
  ),
);
/** What follows is dialled behind the number itself: +43 1 12345 DW 67 is reached at +43 1 12345 67, and calls with it. */
const DIRECT = new Set(["dw", "durchwahl", "ddi", "kl", "klappe"]);

/** Full-width and other scripts' digits, strange spaces and dashes, invisible marks, `tel:`: all as an ordinary keyboard has it. */
export function plainNumber(text: string): string {
  const plain = text
    .slice(0, MAX_LENGTH)
    .normalize("NFKC")
    .replace(/\p{Cf}/gu, "")
    .replace(/\p{Nd}/gu, asciiDigit)
    .replace(/[\p{Pd}\u2212]/gu, "-")
    .replace(/\u2044/g, "/")
    .trim();
  return /^(?:tel|callto):/i.test(plain) ? fromUri(plain) : plain;
}

/** Every number that the text may mean, extensions left out. Of a text that may be read in two ways it gives both. */
export function numbersIn(text: string): TypedNumber[] {
  const found: TypedNumber[] = [];
  let last: TypedNumber | undefined;
  let mark = "";
  for (const [, word, sign, run = ""] of plainNumber(text).matchAll(/(\p{L}[\p{L}\p{M}.]*)|([#;,|&×\n])|([^\p{L}#;,|&×\n]+)/gu)) {
    if (word !== undefined) mark = word.replaceAll(".", "").toLowerCase();
    if (sign !== undefined) mark = sign;
    const digits = digitsOf(run);
    if (digits === "") continue;
    const isExtension = digits.length <= MAX_EXTENSION && last !== undefined && !run.includes("+");
    if (isExtension && DIRECT.has(mark) && last) found.push({ ...last, digits: last.digits + digits });
    if (isExtension && (DIRECT.has(mark) || EXTENSION.has(mark) || /^[#;,×]$/.test(mark))) continue;
    const typed = run.split("+").flatMap((part, index, parts) => partOf(part, index > 0, index < parts.length - 1));
    found.push(...typed);
    last = typed.at(-1) ?? last;
    mark = "";
  }
  return found;
}

/** Between two plus signs or slashes. Few digits before a plus are the country once more, or a dialling prefix: +44 +44 20 …, 00 +44 20 … */
function partOf(part: string, hasPlus: boolean, isBeforePlus: boolean): TypedNumber[] {
  const digits = digitsOf(part);
  if (digits === "" || (isBeforePlus && digits.length < OWN_DIGITS)) return [];
  const isLong = digits.length > MAX_DIGITS;
  const pieces = part.split(isLong ? /[/\\]|\s-\s|\s{2,}/ : /[/\\]/).map(digitsOf);
  const [first = "", ...others] = pieces.filter((piece) => piece !== "");
  const whole = digits.length <= MAX_DIGITS + 5 ? [{ digits, hasPlus }] : [];
  if (others.length === 0) return whole;
  const least = isLong ? OWN_DIGITS : BESIDE_SLASH;
  if (first.length < least) return whole;
  // 5105/06 is a range, of which the first is given in full.
  const alone = others.filter((piece) => piece.length >= least).map((piece) => ({ digits: piece, hasPlus: false }));
  return [...whole, { digits: first, hasPlus }, ...alone];
}

function digitsOf(text: string): string {
  return text.replace(/\D/g, "");
}

function asciiDigit(sign: string): string {
  const point = sign.codePointAt(0) ?? 0;
  const zero = ZEROS.find((first) => point >= first && point < first + 10);
  return zero === undefined ? sign : String(point - zero);
}

/** RFC 3966: `tel:+1-415-555-0100;ext=204`, `tel:20-7946-0104;phone-context=+44`. */
function fromUri(uri: string): string {
  const [number = "", ...parameters] = unescaped(uri).replace(/^\w+:/, "").split(";");
  const parameter = (name: string) => parameters.find((one) => one.toLowerCase().startsWith(`${name}=`))?.slice(name.length + 1) ?? "";
  const context = /^\+\d+$/.test(parameter("phone-context")) && !number.includes("+") ? parameter("phone-context") : "";
  const extension = digitsOf(parameter("ext"));
  return `${context}${number}${extension === "" ? "" : ` x ${extension}`}`;
}

function unescaped(uri: string): string {
  try {
    return decodeURIComponent(uri);
  } catch {
    return uri;
  }
}
