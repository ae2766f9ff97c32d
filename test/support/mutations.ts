/** Seeded damage to a call record, before it is signed: what a careless or hostile sender might make of it. */
import type { Random } from "../simulation/world.ts";

type Fields = Record<string, unknown>;

const ODD_VALUES: unknown[] = [
  null,
  true,
  -0,
  -1,
  1e21,
  Number.MAX_SAFE_INTEGER,
  "",
  " ",
  "\u0000",
  "\r\n",
  "\ud800",
  "NaN",
  "__proto__",
  "=1+1",
  "<script>",
  "'; DROP TABLE deliveries; --",
  "💥".repeat(500),
  "ا".repeat(500),
  [],
  {},
  [[[[]]]],
  { a: { b: { c: [1, 2, { d: null }] } } },
  { constructor: { prototype: { polluted: true } } },
  "2026-13-45T99:99:99Z",
  "+1".repeat(300),
];

/** Text that JSON.stringify would never write. */
const RAW_EDITS: ((text: string, random: Random) => string)[] = [
  (text) => text.slice(0, Math.floor(text.length / 2)),
  (text) => `${text}{}`,
  (text) => `\ufeff${text}`,
  (text) => text.replace(/"duration_seconds":\s*\d+/, '"duration_seconds":1e400'),
  (text) => text.replace(/"duration_seconds":\s*\d+/, '"duration_seconds":NaN'),
  (text) => text.replace("{", '{"__proto__":{"polluted":true},'),
  (text) => text.replace("{", '{"call_id":"first","call_id":"second",'),
  (text) => text.replace("{", '{"a\\u0000b":1,"\\ud800":2,'),
  (text) => text.replaceAll('"', "'"),
  (text) => text.replace("}", ",}"),
  (text) => `[${text}]`,
  (text) => JSON.stringify(text),
  () => "",
  () => "null",
  () => "0",
  () => '"text"',
  () => "{",
  () => "[".repeat(10_000),
  () => `${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}`,
  (text) => text.replace("{", `{"deep":${"[".repeat(63)}${"]".repeat(63)},`),
  (text, random) => text.replace("{", `{"long":"${"x".repeat(random.below(100_000))}",`),
  (text, random) => {
    const at = random.below(text.length);
    return text.slice(0, at) + String.fromCharCode(random.below(0xffff)) + text.slice(at + 1);
  },
];

/** The body of a delivery, damaged in one to three ways. */
export function mutateBody(call: Fields, random: Random): Buffer {
  const fields: Fields = { ...call };
  for (let n = random.below(3); n > 0; n -= 1) {
    const names = Object.keys(fields);
    const name = names.length === 0 ? "call_id" : random.pick(names);
    if (random.chance(0.3)) delete fields[name];
    else if (random.chance(0.2))
      fields[random.pick(["metadata", "constructor", "toString", "unknown", "x".repeat(300)])] = random.pick(ODD_VALUES);
    else fields[name] = random.pick(ODD_VALUES);
  }
  const text = JSON.stringify(fields);
  const edited = random.chance(0.4) ? random.pick(RAW_EDITS)(text, random) : text;
  const bytes = Buffer.from(edited, "utf8");
  if (!random.chance(0.1) || bytes.length === 0) return bytes;
  // Bytes that are no UTF-8.
  bytes[random.below(bytes.length)] = random.pick([0xff, 0xc0, 0x80, 0x00]);
  return bytes;
}

/** Headers beside or in place of the right ones. */
export function mutateHeaders(signature: string, random: Random): Record<string, string> {
  const right = { "content-type": "application/json", "x-voiceinfra-signature": signature };
  if (random.chance(0.6)) return right;
  return random.pick<Record<string, string>>([
    { ...right, "x-voiceinfra-signature": signature.toUpperCase() },
    { ...right, "x-voiceinfra-signature": `sha256=${signature}` },
    { ...right, "x-voiceinfra-signature": signature.slice(1) },
    { ...right, "x-voiceinfra-signature": "" },
    { ...right, "x-voiceinfra-signature": `${signature},${signature}` },
    { ...right, "x-voiceinfra-signature": "é".repeat(10) },
    { "content-type": "application/json" },
    { ...right, "content-type": "text/plain" },
    { ...right, "content-type": "multipart/form-data; boundary=x" },
    { ...right, "content-encoding": "gzip" },
    { ...right, "content-encoding": "identity" },
    { ...right, traceparent: "00-zz" },
    { ...right, traceparent: `00-${"0".repeat(32)}-${"0".repeat(16)}-01` },
    { ...right, "x-long": "x".repeat(8_000) },
    { ...right, "x-forwarded-for": "' OR 1=1" },
    { ...right, expect: "100-continue" },
  ]);
}
