import type { Path, RoutesDocument } from "../file/document.ts";
import { endOfMoveMs } from "../file/end-of-move.ts";
import type { Problems } from "./problems.ts";

const DAY_MS = 86_400_000;
/** A move from one secret to another takes days. */
const LONGEST_MOVE_MS = 92 * DAY_MS;

/** Until when (Unix ms) a source takes deliveries without a signature: 0 never, infinity for ever. */
export function unsignedUntilMs(allowed: boolean | string | undefined): number {
  if (typeof allowed === "string") return endOfMoveMs(allowed) ?? 0;
  return allowed === true ? Number.POSITIVE_INFINITY : 0;
}

/** What is to be said of a source that takes unsigned deliveries, at each load: everybody who knows its address can send calls. */
export function checkUnsigned(options: {
  name: string;
  base: Path;
  untilMs: number;
  hasSecrets: boolean;
  document: RoutesDocument;
  problems: Problems;
}): void {
  const { name, base, untilMs, hasSecrets, document, problems } = options;
  if (untilMs === 0) return;
  const nowMs = Date.now();
  const at = document.at([...base, "allow_unsigned"]);
  const soon = `allow_unsigned: until ${dayOf(nowMs + 30 * DAY_MS)}`;
  if (untilMs === Number.POSITIVE_INFINITY) {
    const open = `anybody who knows the address can send calls to "${name}": it takes them without a signature`;
    const move = `If that is for the move to a secret only, name its last day: ${soon}.`;
    if (hasSecrets)
      problems.add({ at, message: `the secrets of "${name}" protect nothing: it takes calls without a signature, too`, hint: move });
    else problems.warn({ at, message: open, hint: `Give it secrets. ${move}` });
    return;
  }
  if (untilMs <= nowMs) {
    if (hasSecrets)
      problems.warn({ at, message: "this day is over: deliveries without a signature are refused", hint: "Take allow_unsigned away." });
    else
      problems.add({ at, message: `this day is over, and "${name}" has no secrets: it takes nothing any more`, hint: "Give it secrets." });
    return;
  }
  const until = `until the end of ${dayOf(untilMs - DAY_MS)} (UTC) anybody who knows the address can send calls to "${name}"`;
  const hint = hasSecrets
    ? "Take allow_unsigned away as soon as VoiceInfra signs."
    : "It has no secrets: from then on it refuses everything.";
  const far = untilMs - nowMs > LONGEST_MOVE_MS ? " That is far away for a move." : "";
  problems.warn({ at, message: until, hint: `${hint}${far}` });
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
