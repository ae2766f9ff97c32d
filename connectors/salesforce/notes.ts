import { z } from "zod";
import type { Delivery, Outcome } from "../../src/connector/index.ts";
import { above, type NotePart, partsOf, standsAbove } from "./body.ts";
import type { Session } from "./client.ts";
import { outcomeOfReading } from "./errors.ts";
import type { SalesforceWith } from "./mapping.ts";
import { DESCRIPTION_LENGTH, type Task } from "./record.ts";
import { SalesforceError } from "./vendor-error.ts";

interface Item {
  delivery: Delivery<SalesforceWith>;
  task: Task;
}

const readAnswer = z.array(z.object({ Id: z.string(), Description: z.string().nullish() }).nullable());

/** The parts of the call that the Task's Comments hold once it is sent: those of earlier versions too. Kept in the receipt. */
export function notesOf(delivery: Delivery<SalesforceWith>): string {
  return [...new Set([...earlierParts(delivery), ...ownParts(delivery)])].join(" ");
}

/**
 * Comments are one field, so that an update of them could take away what an earlier version of the call brought (a summary, say).
 * A version that lacks a part and brings none leaves them as they stand; one that lacks a part and brings another is put above them.
 * Gives the outcomes of those deliveries whose Comments could not be read, by key: they must wait.
 */
export async function keepNotes(options: { items: Item[]; session: Session; signal: AbortSignal }): Promise<Map<string, Outcome>> {
  const { items, session, signal } = options;
  const merging = new Map<string, Item>();
  for (const item of items) {
    const { previous } = item.delivery;
    if (!previous || isOwnText(item.delivery)) continue;
    const before = earlierParts(item.delivery);
    const now = ownParts(item.delivery);
    if (before.every((part) => now.some((one) => one === part))) continue;
    if (now.some((part) => !before.includes(part))) merging.set(previous.id, item);
    else delete item.task.Description;
  }
  if (merging.size === 0) return new Map();
  try {
    const path = `/composite/sobjects/Task?ids=${[...merging.keys()].join(",")}&fields=Id,Description`;
    const answer = readAnswer.safeParse(await session.request({ method: "GET", path }, { signal }));
    if (!answer.success) throw new SalesforceError({ errors: [{ code: "UNREADABLE_ANSWER" }] });
    for (const [id, { task }] of merging) {
      const stands = answer.data.find((one) => one?.Id === id)?.Description ?? "";
      // An attempt whose answer was lost has put it there already.
      if (standsAbove(String(task.Description), stands)) delete task.Description;
      else task.Description = above(String(task.Description), stands, DESCRIPTION_LENGTH);
    }
    return new Map();
  } catch (error) {
    const outcome = outcomeOfReading(error, {
      what: "the Task's Comments",
      fix: "Give the integration user read access to Task and its field Comments (Description)",
    });
    return new Map([...merging.values()].map(({ delivery }) => [delivery.key, outcome]));
  }
}

function isOwnText({ with: { body } }: Delivery<SalesforceWith>): boolean {
  return body !== undefined && body.trim() !== "";
}

function ownParts(delivery: Delivery<SalesforceWith>): NotePart[] {
  return isOwnText(delivery) ? [] : partsOf(delivery.call);
}

function earlierParts({ previous }: Delivery<SalesforceWith>): string[] {
  return (previous?.extra?.notes ?? "").split(" ").filter((part) => part !== "");
}
