import type { Delivery, Outcome, RefusedDetail } from "../../src/connector/index.ts";
import type { SalesforceWith } from "./mapping.ts";
import type { SalesforcePerson } from "./people/find.ts";
import type { Task } from "./record.ts";

/** The person that a call is logged on. */
export interface PersonFound {
  person?: SalesforcePerson | undefined;
  /** How many have the number; undefined: Salesforce was not asked. */
  found?: number;
  /** Salesforce's code for why it refused to create a Contact. */
  refused?: string;
  /** What a created Contact is without. */
  leftOut?: readonly RefusedDetail[];
}

/** A call's person, and the Task that follows from it. */
export interface Plan {
  matched: PersonFound;
  task: Task;
  /** Details that the Task is without, and why. */
  leftOut: RefusedDetail[];
}

/** What became of one Task: its id, or the error that it met with, alone or with the whole request. */
export type TaskResult = { id: string } | { error: unknown };

/** A delivery whose Task is written. `task`, `matched`, `leftOut` and `result` become what was written in the end. */
export interface CallItem extends Plan {
  delivery: Delivery<SalesforceWith>;
  /** This version's own Comments: those of a Task that was deleted meanwhile. */
  description: unknown;
  result: TaskResult | { outcome: Outcome };
}
