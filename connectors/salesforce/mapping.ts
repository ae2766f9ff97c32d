import { z } from "zod";
import { crmWords } from "../../src/connector/index.ts";

/** The connector sets these itself, or another word of `with` does: which record it is, and whose. */
const OWN_FIELDS = new Set(["id", "attributes", "whoid", "whatid", "ownerid", "tasksubtype"]);

const fieldName = z
  .string()
  .regex(/^[A-Za-z]\w*$/, "is not a field's API name such as Campaign__c")
  .refine((name) => !OWN_FIELDS.has(name.toLowerCase()), "is set by the connector");

const words = crmWords({ fieldName });

export const withSchema = z.strictObject({
  ...words,
  match: words.match.refine(({ on_many }) => on_many !== "all", {
    path: ["on_many"],
    // More than one contact on a Task needs Shared Activities, which an org may not have, and which no API tells or sets.
    message: "cannot be all here: a Task of Salesforce has one Name. Take most_recent, owner or none",
  }),
  status: z
    .string()
    .min(1, "is empty")
    .default("Completed")
    .describe("The Task's Status, as the org calls a closed one. Default Completed"),
  on_existing: z
    .enum(["update", "skip"])
    .default("update")
    .describe(
      "A later version of a call: update the Task (default; what people typed over what we sent is overwritten), or skip: a Task that is there stays",
    ),
});

export type SalesforceWith = z.output<typeof withSchema>;
