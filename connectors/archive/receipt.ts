import { defineExtra, z } from "../../src/connector/index.ts";

export const extra = defineExtra({
  /** The name of the recording's file. */
  recording: z.string(),
  /** Why there is no recording: a code. */
  recording_missing: z.string(),
});
