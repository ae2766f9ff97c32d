/**
 * Who the other side of a call is, as far as its record tells: the one normaliser of all connectors.
 * What cannot be known is said to be so, with its reason; nobody guesses.
 */
import type { SharedCall } from "./call.ts";
import { callingCodeOf, toE164 } from "./phone.ts";

/**
 * The customer's number in E.164, or why there is none: `withheld` (the caller hid it), `sip` (an address, no number), `short` (a short or
 * incomplete number, which no person has), `direction` (nobody can tell which side is the customer), `not-shared` (the route keeps it back).
 */
export type Customer = { number: string } | { unknown: "withheld" | "sip" | "short" | "direction" | "not-shared" };

export function customerOf(call: SharedCall): Customer {
  if (call.customer_number) return { number: call.customer_number };
  if (call.customer_number === undefined && call.from_number === undefined) return { unknown: "not-shared" };
  if (call.direction === "unknown") return { unknown: "direction" };
  const written = writtenNumber(call) ?? "";
  if (/^sips?:|@/i.test(written)) return { unknown: "sip" };
  return { unknown: /^\+?[\d\s().-]+$/.test(written.trim()) ? "short" : "withheld" };
}

/** The customer's side as the record has it: a number, `anonymous`, a SIP address; undefined when the route keeps numbers back. */
function writtenNumber(call: SharedCall): string | undefined {
  return call.direction === "outbound" ? call.to_number : call.from_number;
}

const UNKNOWN = { withheld: "withheld number", sip: "SIP caller", short: "short number", direction: "", "not-shared": "" };

/** The customer for people to read: `+14155550100`, `withheld number`, `SIP caller`; "" when nothing may or can be said. */
export function customerLabel(call: SharedCall): string {
  const customer = customerOf(call);
  if ("number" in customer) return customer.number;
  if (customer.unknown === "short") return writtenNumber(call)?.trim() ?? UNKNOWN.short;
  return UNKNOWN[customer.unknown];
}

/** `AI call: inbound from Dana Example (Sales line)`; without a name the number, without that only what is known. One line, not escaped. */
export function callTitle(call: SharedCall, options: { name?: string | undefined } = {}): string {
  const who = options.name?.trim() || customerLabel(call);
  const preposition = { inbound: "from", outbound: "to", unknown: "with" }[call.direction];
  const words = [
    call.direction === "unknown" ? "" : call.direction,
    who && `${preposition} ${who}`,
    call.agent_name ? `(${call.agent_name})` : "",
  ].filter((word) => word !== "");
  return (words.length === 0 ? "AI call" : `AI call: ${words.join(" ")}`).replace(/\s+/g, " ");
}

/** A number to look a person up by. `homeCode`: of the other side's country; a number stored without a country is probably of that one. */
export interface PossibleCustomer {
  /** E.164 */
  number: string;
  homeCode: string;
}

/**
 * The numbers that may be the customer's: one; both sides' where nobody can tell which of them is the customer; none where the customer's is
 * withheld, no number, or kept back by the route.
 */
export function customersOf(call: SharedCall): PossibleCustomer[] {
  const { direction, customer_number, from_number = "", to_number = "" } = call;
  if (direction !== "unknown") return customer_number ? [{ number: customer_number, homeCode: homeCodeOf(call) }] : [];
  const [from, to] = [toE164(from_number), toE164(to_number)];
  const both = [
    { number: from, homeCode: callingCodeOf(to) },
    { number: to, homeCode: callingCodeOf(from) },
  ];
  return both.filter(({ number }, index) => number !== "" && (index === 0 || number !== from));
}

/** The country code of our own side of the call, "" when it is not known. */
export function homeCodeOf(call: SharedCall): string {
  const ours = call.direction === "outbound" ? call.from_number : call.to_number;
  return callingCodeOf(toE164(ours ?? ""));
}
