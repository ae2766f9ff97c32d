import type { SharedCall } from "../../src/connector/index.ts";
import { parseRecord } from "../../src/model/record.ts";
import { documentedExample } from "../../src/sandbox/calls.ts";

/** Numbers that a double does not hold, as a sender may write them: of 64 bits with and without a sign, too large, too small, too long, and no zero. */
export const EXACT_NUMBERS = {
  order_id: "1234567890123456789",
  ad: "12345678901234567890",
  price: "1.2345678901234567890123",
  exp: "1e400",
  tiny: "1e-400",
  endless: "1e400000",
} as const;

/** Their JSON; `asTexts` are written as texts instead, as an engine must whose numbers are smaller. */
export function jsonOfNumbers(options: { asTexts?: readonly (keyof typeof EXACT_NUMBERS)[] } = {}): string {
  const { asTexts = [] } = options;
  const parts = Object.entries(EXACT_NUMBERS).map(
    ([name, text]) => `"${name}":${asTexts.includes(name as keyof typeof EXACT_NUMBERS) ? `"${text}"` : text}`,
  );
  return `{${parts.join(",")},"plain":0.1,"deep":[{"ad":${EXACT_NUMBERS.ad}}]}`;
}

/** The documented call with such numbers in its metadata and in a field that is not documented, as a worker reads it from the log. */
export function metadataOfNumbers(): Pick<SharedCall, "metadata" | "unknown"> {
  const body = `${documentedExample().toString().trim().slice(0, -1)}, "metadata": ${jsonOfNumbers()}, "ticket_id": ${EXACT_NUMBERS.ad}}`;
  const parsed = parseRecord(Buffer.from(body));
  if (!parsed.ok) throw new Error(parsed.message);
  return { metadata: parsed.record.metadata ?? {}, unknown: parsed.record.unknown };
}
