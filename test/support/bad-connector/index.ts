import { z } from "zod";
import {
  type Connector,
  type Delivery,
  defineConnector,
  httpSettings,
  OpenError,
  type Outcome,
  secret,
} from "../../../src/connector/index.ts";
import { type BadFault, duplicatesWith, redirectWith } from "./faults.ts";
import { readNote } from "./read.ts";
import { outcomeOfAnswer, postNotes } from "./send.ts";

/** A connector for a small API of notes, in the way a third party would write one, with one fault switched on. */
export function badConnector(fault: BadFault): Connector {
  const duplicates = duplicatesWith(fault);
  const connector = defineConnector({
    name: "notes",
    title: "Notes",
    keeps: "record",
    duplicates,
    settings: z.strictObject({ token: secret(), ...httpSettings }),
    with: z.strictObject({}),
    batch: { maxCalls: maxCallsOf(), concurrency: 2 },

    async open({ settings, timeoutMs }) {
      const at = { url: settings.base_url ?? "", token: settings.token.reveal(), fault };
      const answer = await fetch(`${at.url}/me`, {
        headers: { authorization: `Bearer ${at.token}` },
        redirect: redirectWith(fault),
        signal: AbortSignal.timeout(timeoutMs),
      });
      const refusal = outcomeOfAnswer({ status: answer.status, headers: answer.headers, text: await answer.text(), fault });
      if (refusal && refusal.kind !== "delivered") throw new OpenError(refusal);
      return {
        async send(deliveries: Delivery<Record<string, never>>[], { signal }) {
          return inFaultyOrder(await postNotes({ at, deliveries, signal }), fault);
        },
        ...(duplicates === "find" && {
          async find({ key }, { signal }) {
            const found = await readNote({ at, key, signal }).catch(unlessTakenForNothing);
            return found && { id: found.id };
          },
        }),
        close: async () => undefined,
      };
    },

    sandbox: () => import("./sandbox.ts"),
  });
  return connector as unknown as Connector;

  function maxCallsOf(): number {
    if (duplicates !== "native-key") return 1;
    // Half of a dozen: more calls than tries tell of the refusal.
    return fault === "tries again by itself, a batch at a time" ? 6 : 10;
  }

  function unlessTakenForNothing(error: unknown): undefined {
    if (fault !== "takes a look-up without an answer for nothing there") throw error;
  }
}

function inFaultyOrder(outcomes: Outcome[], fault: BadFault): Outcome[] {
  if (fault === "gives every call of a batch the first one's outcome") return outcomes.map(() => outcomes[0] as Outcome);
  if (fault === "mixes up whose record is whose") return outcomes.toReversed();
  if (fault === "answers for fewer calls than it was given") return outcomes.slice(0, 1);
  return outcomes;
}

/** As a module's default export, for processes of their own: which fault stands in the environment. */
export default badConnector((process.env.BAD_CONNECTOR ?? "none") as BadFault);
