/** What every account has on calls, and what `patchbay setup` adds. */
export interface PropertyDefinition {
  name: string;
  label: string;
  groupName: string;
  type: "string" | "number" | "datetime" | "enumeration";
  fieldType: string;
  hasUniqueValue: boolean;
  options?: PropertyOption[];
}

export interface PropertyOption {
  label: string;
  value: string;
  hidden?: boolean;
}

const STATUSES = [
  "BUSY",
  "CALLING_CRM_USER",
  "CANCELED",
  "COMPLETED",
  "CONNECTING",
  "FAILED",
  "IN_PROGRESS",
  "NO_ANSWER",
  "QUEUED",
  "RINGING",
];
const DISPOSITIONS = {
  Busy: "9d9162e7-6cf3-4944-bf63-4dff82258764",
  Connected: "f240bbac-87c9-4f6e-bf70-924b57d47db7",
  "Left live message": "a4c4c377-d246-4b32-a13b-75a56a4cd0ff",
  "Left voicemail": "b2cf5968-551e-4856-9783-52b3da59a7d0",
  "No answer": "73a0d17f-1163-4015-bdd5-ec830791da20",
  "Wrong number": "17b47fee-58de-441e-a44c-c6300d46f273",
};
/** The group that they are in. */
export const GROUP = "call_information";
const same = (values: string[]) => values.map((value) => ({ label: value, value }));
const define = (name: string, type: PropertyDefinition["type"], options?: PropertyOption[]): PropertyDefinition => ({
  name,
  label: name,
  groupName: GROUP,
  type,
  fieldType: type === "enumeration" ? "select" : "text",
  hasUniqueValue: false,
  ...(options ? { options } : {}),
});

/** Properties that every account has on calls; the guide "Activities | Calls". */
export function standardProperties(): PropertyDefinition[] {
  return [
    define("hs_timestamp", "datetime"),
    define("hs_call_title", "string"),
    define("hs_call_body", "string"),
    define("hs_call_direction", "enumeration", same(["INBOUND", "OUTBOUND"])),
    define("hs_call_duration", "number"),
    define("hs_call_status", "enumeration", same(STATUSES)),
    define(
      "hs_call_disposition",
      "enumeration",
      Object.entries(DISPOSITIONS).map(([label, value]) => ({ label, value })),
    ),
    define("hs_call_from_number", "string"),
    define("hs_call_to_number", "string"),
    define("hs_call_recording_url", "string"),
    define("hubspot_owner_id", "number"),
    define("hs_activity_type", "string"),
  ];
}

/** What `patchbay setup` makes. */
export const CALL_ID: PropertyDefinition = { ...define("voice_call_id", "string"), label: "Voice call ID", hasUniqueValue: true };
