import { z } from "zod";
import { crmWords, type SentField } from "../../src/connector/index.ts";

/** The connector sets these, or another word of `with` does. */
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

/** Every field of a Task that can be sent: the table of docs/connectors/salesforce.md. */
export const sentFields: readonly SentField[] = [
  { field: "Subject", what: "`title`, or direction, person or number, and agent; one line of 255 characters" },
  { field: "Status", what: "`status`, by default Completed" },
  { field: "Priority", what: "Normal" },
  { field: "Type", what: "Call" },
  { field: "TaskSubtype", what: "Call, when the Task is made" },
  { field: "ActivityDate", what: "the day of start_time in the time zone of routes.yaml" },
  { field: "CallType", what: "direction: Inbound or Outbound; left out when it is unknown" },
  { field: "CallDurationInSeconds", what: "duration_seconds, rounded" },
  { field: "CallDisposition", what: "call_outcome, in the words of `outcome`; by default Answered, Voicemail, Failed, or the word itself" },
  { field: "CallObject", what: "call_id" },
  {
    field: "Description",
    what: "`body`, or summary, time, duration, numbers, agent, outcome, recording, call_id and transcript, as far as shared; plain text of 32,000 characters",
  },
  { field: "OwnerId", what: "the user whose email address is `owner`, or the agent's owner; once" },
  { field: "WhoId", what: "the Contact or Lead who has the customer's number; once" },
  { field: "WhatId", what: "the newest open Opportunity or the Account, as `associate` says, or the Account that has the number; once" },
  { field: "Voice_Call_Id__c", what: "source and call_id: the key that keeps a call to one Task (the name is external_id_field)" },
  { field: "what stands under `fields`", what: "the route's templates" },
  {
    field: "Contact.LastName, Contact.Phone, Contact.OwnerId",
    what: "with on_none: create_contact only: Unknown caller, customer_number, the owner",
  },
];
