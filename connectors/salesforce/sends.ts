import type { SentField } from "../../src/connector/index.ts";

/** Every field of a Task that can be sent: the table of docs/connectors/salesforce.md. */
export const SENDS: readonly SentField[] = [
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
