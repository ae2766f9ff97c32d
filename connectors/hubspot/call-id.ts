import type { Outcome } from "../../src/connector/index.ts";

/** Unique on calls: HubSpot's batch upsert finds a call's record by it. */
export const CALL_ID_PROPERTY = "voice_call_id";

/** The property does not exist: nothing can be sent until it does. */
export const NOT_SET_UP = {
  kind: "needs-fix",
  code: "not_set_up",
  reason: `calls in HubSpot have no property ${CALL_ID_PROPERTY}, by which a call that comes again finds its record`,
  fix: 'Run "patchbay setup hubspot" (the destination\'s name in routes.yaml): it makes the property, once for the account',
} satisfies Outcome;
