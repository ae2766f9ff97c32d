import { parseDurationMs } from "../../lib/time/duration.ts";
import type { Problems } from "../diagnose/problems.ts";
import type { RoutesDocument } from "../file/document.ts";
import type { RoutesFile } from "../file/schema.ts";

/** How long things are kept, ms. */
export interface Retention {
  logMs: number;
  quarantineMs: number;
  deadLettersMs: number;
  deliveriesMs: number;
}

const DAY_MS = 86_400_000;

/** `retention:` with its defaults: 14 days of log, 30 of quarantine and dead letters, 400 of what became of a call. */
export function loadRetention(options: { file: RoutesFile; document: RoutesDocument; problems: Problems }): Retention {
  const { file, document, problems } = options;
  const ms = (text: string | undefined, days: number) => parseDurationMs(text ?? "") ?? days * DAY_MS;
  const { log, quarantine, dead_letters: deadLetters, deliveries } = file.retention ?? {};
  const retention = {
    logMs: ms(log, 14),
    quarantineMs: ms(quarantine, 30),
    deadLettersMs: ms(deadLetters, 30),
    deliveriesMs: ms(deliveries, 400),
  };
  for (const [key, value] of Object.entries({ log: retention.logMs, dead_letters: retention.deadLettersMs })) {
    if (retention.deliveriesMs >= value) continue;
    problems.add({
      at: document.at(["retention", "deliveries"]),
      message: `"deliveries" must be kept at least as long as "${key}"`,
      hint: "A call that the ledger has forgotten and the log still holds would be sent again.",
    });
  }
  return retention;
}
