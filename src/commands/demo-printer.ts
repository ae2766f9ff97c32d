/** What the demo prints of each call, once it is over. */
import { styleText } from "node:util";
import type { Sandbox } from "../connector/index.ts";
import type { DeliveryEvent } from "../delivery/pipeline/events.ts";
import { printable } from "../lib/text/printable.ts";
import { terminalWidth } from "../lib/text/table.ts";
import { wrap } from "../lib/text/wrap.ts";
import type { LoadedRoutes } from "../routes/index.ts";
import { SAMPLE_COUNT } from "../sandbox/calls.ts";

/** Of so many sample calls each route is shown, of the others only how many delivered and skipped them. */
const SHOWN_WHOLE = 3;
/** Of the column with the routes; what is broken off goes on below what stands behind it. */
const NAME_WIDTH = 18;
const INDENT = " ".repeat(NAME_WIDTH + 3);

const bold = (text: string) => styleText("bold", text);
const dim = (text: string) => styleText("dim", text);

export interface Printer {
  expect(callId: string, what: string): void;
  accepted(callId: string, how: string, sinceStartMs: number): void;
  onEvent(event: DeliveryEvent): void;
  allEnded(withinMs: number): Promise<boolean>;
  summary(): string;
}

interface PrintedCall {
  title: string;
  /** Absent until the webhook has answered; calls of `patchbay send` need not wait for it. */
  accepted: string | undefined;
  expected: boolean;
  events: DeliveryEvent[];
}

/** Prints a call's way once it is accepted and every route has come to an end with it. */
export function createPrinter(options: { routes: LoadedRoutes; sandboxes: Map<string, Sandbox> }): Printer {
  const { routes, sandboxes } = options;
  const order = routes.routes.map((route) => route.id);
  const calls = new Map<string, PrintedCall>();
  const totals = { delivered: 0, skipped: 0, waiting: 0, dead: 0 };
  let printing = 0;
  let shown = 0;
  let announce = () => {};

  function entry(callId: string): PrintedCall {
    const known = calls.get(callId) ?? { title: bold(callId), accepted: undefined, expected: false, events: [] };
    calls.set(callId, known);
    return known;
  }

  async function lineOf(event: Exclude<DeliveryEvent, { kind: "skipped" }>): Promise<string> {
    const name = event.route.padEnd(NAME_WIDTH);
    if (event.kind === "delivered") {
      const destination = routes.routes.find((route) => route.id === event.route)?.to.name ?? "";
      const record = (await sandboxes.get(destination)?.records())?.find((one) => one.id === event.receipt.id);
      return `  ${name} ${styleText("green", "delivered")}  ${printable(record?.line ?? event.receipt.id)} ${dim(`(${Math.round(event.tookMs)} ms)`)}`;
    }
    const due = event.kind === "waiting" ? `next try in ${Math.round(event.dueInMs / 1000)} s: ` : "";
    return `  ${name} ${styleText(event.kind === "dead" ? "red" : "yellow", event.kind.padEnd(9))}  ${due}${event.errorCode}: ${printable(event.reason)}`;
  }

  async function printIfEnded(callId: string): Promise<void> {
    const call = entry(callId);
    const ended = new Set(call.events.filter(({ kind }) => kind !== "waiting").map(({ route }) => route));
    if (ended.size < order.length || (call.expected && call.accepted === undefined)) return;
    calls.delete(callId);
    printing += 1;
    const sorted = call.events.toSorted((a, b) => order.indexOf(a.route) - order.indexOf(b.route));
    shown += 1;
    const lines = call.expected && shown > SHOWN_WHOLE && isFine(sorted) ? [inShort(sorted)] : await way(call, sorted);
    const width = terminalWidth();
    console.log([call.title, ...lines.flatMap((line) => wrap(line, { width, indent: INDENT, first: "" }))].join("\n"));
    printing -= 1;
    if (calls.size === 0 && printing === 0) announce();
  }

  const isFine = (events: DeliveryEvent[]) => events.every(({ kind }) => kind === "delivered" || kind === "skipped");

  function inShort(events: DeliveryEvent[]): string {
    const [delivered, skipped] = (["delivered", "skipped"] as const).map((kind) => events.filter((event) => event.kind === kind).length);
    return `  ${styleText("green", "delivered")} by ${delivered} of its routes, ${dim(`skipped by ${skipped}`)}`;
  }

  async function way(call: PrintedCall, sorted: DeliveryEvent[]): Promise<string[]> {
    const skipped = sorted.filter((event) => event.kind === "skipped").map(({ route, reason }) => `${route} (${reason})`);
    const lines = await Promise.all(sorted.filter((event) => event.kind !== "skipped").map(lineOf));
    return [
      ...(call.accepted ? [`  ${"accepted".padEnd(NAME_WIDTH)} ${call.accepted}`] : []),
      ...lines,
      ...(skipped.length > 0 ? [dim(`  ${"skipped by".padEnd(NAME_WIDTH)} ${skipped.join(", ")}`)] : []),
    ];
  }

  return {
    expect(callId, what) {
      const call = entry(callId);
      call.expected = true;
      call.title = `${bold(callId)}  ${what}`;
    },
    accepted(callId, how, sinceStartMs) {
      entry(callId).accepted = `${how} ${dim(`(${(sinceStartMs / 1000).toFixed(1)} s after the start)`)}`;
      void printIfEnded(callId);
    },
    onEvent(event) {
      totals[event.kind] += 1;
      entry(event.callId).events.push(event);
      void printIfEnded(event.callId);
    },
    allEnded(withinMs) {
      if (calls.size === 0 && printing === 0) return Promise.resolve(true);
      return new Promise((resolve) => {
        const timer = setTimeout(() => resolve(false), withinMs);
        announce = () => {
          clearTimeout(timer);
          resolve(true);
        };
      });
    },
    summary: () =>
      `${SAMPLE_COUNT + 1} calls accepted: ${totals.delivered} delivered, ${totals.skipped} skipped by their routes, ${totals.dead} dead letters, ${totals.waiting} tries put off.`,
  };
}
