import { z } from "zod";
import { type Connector, type Delivery, defineConnector, httpSettings, OpenError, type Outcome, secret } from "../../../src/connector.ts";
import type { BadFault } from "./faults.ts";
import { outcomeOfAnswer, postNotes } from "./send.ts";

/** A connector for a small API of notes, in the way a third party would write one, with one fault switched on. */
export function badConnector(fault: BadFault): Connector {
  const connector = defineConnector({
    name: "notes",
    title: "Notes",
    keeps: "record",
    duplicates: "native-key",
    settings: z.strictObject({ token: secret(), ...httpSettings }),
    with: z.strictObject({}),
    batch: { maxCalls: 10, concurrency: 2 },

    async open({ settings, timeoutMs }) {
      const at = { url: settings.base_url ?? "", token: settings.token.reveal(), fault };
      const answer = await fetch(`${at.url}/me`, {
        headers: { authorization: `Bearer ${at.token}` },
        signal: AbortSignal.timeout(timeoutMs),
      });
      const refusal = outcomeOfAnswer({ status: answer.status, headers: answer.headers, text: await answer.text(), fault });
      if (refusal && refusal.kind !== "delivered") throw new OpenError(refusal);
      return {
        async send(deliveries: Delivery<Record<string, never>>[], { signal }) {
          return inFaultyOrder(await postNotes({ at, deliveries, signal }), fault);
        },
        close: async () => undefined,
      };
    },

    sandbox: () => import("./sandbox.ts"),
  });
  return connector as unknown as Connector;
}

function inFaultyOrder(outcomes: Outcome[], fault: BadFault): Outcome[] {
  if (fault === "gives every call of a batch the first one's outcome") return outcomes.map(() => outcomes[0] as Outcome);
  if (fault === "mixes up whose record is whose") return outcomes.toReversed();
  if (fault === "answers for fewer calls than it was given") return outcomes.slice(0, 1);
  return outcomes;
}

/** As a module's default export, for processes of their own: which fault stands in the environment. */
export default badConnector((process.env.BAD_CONNECTOR ?? "none") as BadFault);
