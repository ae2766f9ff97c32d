import { type SentField, z } from "../../src/connector/index.ts";

/** A route's `with`. */
export const exampleWith = z.strictObject({ note: z.string().optional().describe("Your own note in place of the summary") });

export type ExampleWith = z.output<typeof exampleWith>;

/** Every field that a record can have; the page's table is made from it. */
export const SENT_FIELDS: readonly SentField[] = [
  { field: "title", what: "the call's title: direction, number, agent" },
  { field: "note", what: "`note` of the route, else the summary" },
  { field: "outcome", what: "`call_outcome`" },
  { field: "started_at", what: "`start_time`" },
  { field: "duration_seconds", what: "`duration_seconds`" },
];
