import { z } from "zod";
import { allParts, type Delivery, keepNotes, type NoteParts, type Outcome } from "../../src/connector/index.ts";
import { above, partsOf, standsAbove } from "./body.ts";
import type { Session } from "./client.ts";
import { outcomeOfReading } from "./errors.ts";
import type { CallItem } from "./item.ts";
import type { SalesforceWith } from "./mapping.ts";
import { DESCRIPTION_LENGTH } from "./record.ts";
import { SalesforceError } from "./vendor-error.ts";

const readAnswer = z.array(z.object({ Id: z.string(), Description: z.string().nullish() }).nullable());

/** The parts of the call that the Task's Comments hold once it is written, also those of earlier versions. Kept in the receipt. */
export function notesOf(delivery: Delivery<SalesforceWith>): string {
  return allParts(notePartsOf(delivery)).join(" ");
}

/**
 * Keeps what an earlier version of the call wrote into the Comments and this one lacks. Returns, by key, the outcomes of deliveries whose Comments
 * could not be read: they must wait.
 */
export async function keepEarlierNotes(options: {
  items: CallItem[];
  session: Session;
  signal: AbortSignal;
}): Promise<Map<string, Outcome>> {
  const { items, session, signal } = options;
  const failed = new Map<string, Outcome>();
  await keepNotes({
    items: items.filter(({ delivery }) => delivery.previous && !isOwnText(delivery)),
    partsOf: ({ delivery }) => notePartsOf(delivery),
    leave: ({ task }) => delete task.Description,
    async read(merging) {
      const ids = merging.map(({ delivery }) => delivery.previous?.id);
      const path = `/composite/sobjects/Task?ids=${ids.join(",")}&fields=Id,Description`;
      const answer = readAnswer.safeParse(await session.request({ method: "GET", path }, { signal }));
      if (!answer.success) throw new SalesforceError({ errors: [{ code: "UNREADABLE_ANSWER" }] });
      return new Map(merging.map((item, index) => [item, answer.data.find((one) => one?.Id === ids[index])?.Description ?? ""]));
    },
    putAbove({ task }, existing) {
      // An attempt whose answer was lost has put it there already.
      if (standsAbove(String(task.Description), existing)) delete task.Description;
      else task.Description = above(String(task.Description), existing, DESCRIPTION_LENGTH);
    },
    failed({ delivery }, error) {
      const fix = "Give the integration user read access to Task and its field Comments (Description)";
      failed.set(delivery.key, outcomeOfReading(error, { what: "the Task's Comments", fix }));
    },
  });
  return failed;
}

function isOwnText({ with: { body } }: Delivery<SalesforceWith>): boolean {
  return body !== undefined && body.trim() !== "";
}

function notePartsOf(delivery: Delivery<SalesforceWith>): NoteParts {
  const earlier = (delivery.previous?.extra?.notes ?? "").split(" ").filter((part) => part !== "");
  return { earlier, own: isOwnText(delivery) ? [] : partsOf(delivery.call) };
}
