import { type Call, type CallRecord, SHAREABLE, SHARED_FIELDS, type Share } from "../../model/call.ts";

/** One name that `when` (CEL) and templates (Liquid) see. This list is the only one: the checks, the docs and the suggestions read it. */
export interface VisibleName {
  name: Exclude<keyof Call, "unknown">;
  /** CEL type. */
  type: "string" | "int" | "bool" | "timestamp" | "dyn";
  meaning: string;
}

export const VISIBLE_NAMES: readonly VisibleName[] = [
  { name: "call_id", type: "string", meaning: "VoiceInfra's id of the call" },
  { name: "call_outcome", type: "string", meaning: "`answered`, `voicemail`, `failed`, or a word that VoiceInfra adds later" },
  { name: "duration_seconds", type: "int", meaning: "Length of the call in seconds" },
  { name: "start_time", type: "timestamp", meaning: "Begin of the call; in templates a text, for `| date`" },
  { name: "end_time", type: "timestamp", meaning: "End of the call; in templates a text, for `| date`" },
  { name: "from_number", type: "string", meaning: "The caller's number, as VoiceInfra sent it" },
  { name: "to_number", type: "string", meaning: "The number that was called, as VoiceInfra sent it" },
  { name: "customer_number", type: "string", meaning: 'The other side\'s number in E.164; `""` when it is withheld or unknown' },
  { name: "direction", type: "string", meaning: "`inbound`, `outbound` or `unknown`" },
  { name: "agent_id", type: "string", meaning: "The agent's id, as VoiceInfra sent it" },
  { name: "agent", type: "string", meaning: 'The agent\'s key under `agents:`, or `""`' },
  { name: "agent_name", type: "string", meaning: "The agent's name under `agents:`, else its id" },
  { name: "agent_owner", type: "string", meaning: 'Email address of the agent\'s owner under `agents:`, or `""`' },
  { name: "source", type: "string", meaning: "The source's name under `sources:`" },
  { name: "test", type: "bool", meaning: "Whether it is a test call" },
  { name: "summary", type: "string", meaning: 'VoiceInfra\'s summary; `""` when absent' },
  { name: "transcript", type: "string", meaning: 'The whole conversation; `""` when absent' },
  { name: "recording_url", type: "string", meaning: 'Address of the recording; `""` when absent' },
  { name: "metadata", type: "dyn", meaning: "Whatever was sent along: `metadata.campaign`. An absent key is null" },
];

/** What `after` brings: templates of a route that has it see these names too, `when` never does. */
export const RELATED_NAMES: readonly { name: string; meaning: string }[] = [
  { name: "person.name", meaning: "Name of the person that the other route logged the call on; `person` alone reads as this" },
  { name: "person.owner", meaning: "Email address of who owns the person's record" },
  { name: "person.url", meaning: "Address of the person's record" },
  { name: "person.kind", meaning: "`contact`, `lead` or `account`, as the CRM calls it" },
  { name: "person.id", meaning: "The CRM's id of the person" },
  { name: "record_url", meaning: "Address of the record that the other route made of the call" },
];

/** The fields of VoiceInfra's record; the others are added here. What of them a route sent is kept, so that it is never blanked. */
export const RECORD_FIELDS: readonly (keyof CallRecord)[] = [
  "call_id",
  "from_number",
  "to_number",
  "agent_id",
  "duration_seconds",
  "start_time",
  "end_time",
  "call_outcome",
  "recording_url",
  "transcript",
  "summary",
  "metadata",
];

/** The word of `share` that lets a field out; undefined for those that always go. */
export function shareWordOf(field: string): Share | undefined {
  return SHAREABLE.find((word) => (SHARED_FIELDS[word] as string[]).includes(field));
}
