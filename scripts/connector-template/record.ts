import { callTitle, type Delivery, truncate } from "../../src/connector/index.ts";
import type { ExampleWith } from "./mapping.ts";

/** Say where the vendor says so. */
const TEXT_LENGTH = 10_000;

/** A call as Example's record. What is absent is left out, so that nothing once sent is blanked. */
export function recordOf({ call, with: { note } }: Delivery<ExampleWith>) {
  const text = note?.trim() || call.summary?.trim();
  return {
    title: callTitle(call).toWellFormed(),
    note: text ? truncate(text, TEXT_LENGTH).toWellFormed() : undefined,
    outcome: call.call_outcome.toWellFormed(),
    started_at: call.start_time,
    duration_seconds: Math.round(call.duration_seconds),
  };
}
