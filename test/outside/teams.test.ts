import { describe, expect, test } from "vitest";
import { teams } from "../../connectors/teams/index.ts";
import type { Connector } from "../../src/connector/index.ts";
import { requestsForOddCalls } from "./support/deliver-odd-calls.ts";
import { requireFrom } from "./support/npm.ts";
import { ODD_CALLS } from "./support/odd-calls.ts";
import { outside } from "./support/outside.ts";

const { folder, skipped, note } = outside("adaptiveCards");

interface AdaptiveCards {
  AdaptiveCard: {
    new (): {
      parse(card: unknown): void;
      validateProperties(): { validationEvents: { message: string }[] };
      render(): { textContent: string } | undefined;
    };
  };
  Version: { v1_5: unknown };
}

describe(`Microsoft's own renderer of Adaptive Cards${note}`, () => {
  test.skipIf(skipped)("takes the card of every odd call without a complaint, and shows what was said", async () => {
    const require = requireFrom(folder);
    const { JSDOM } = require("jsdom") as {
      JSDOM: new (html: string) => { window: Record<"document" | "HTMLElement" | "HTMLButtonElement" | "Node", unknown> };
    };
    const { window } = new JSDOM("<!doctype html><html><body></body></html>");
    // What jsdom has not, and a run of text is set by.
    Object.defineProperty((window.HTMLElement as { prototype: object }).prototype, "innerText", {
      set(this: { textContent: string }, text: string) {
        this.textContent = text;
      },
    });
    Object.assign(globalThis, {
      window,
      document: window.document,
      HTMLElement: window.HTMLElement,
      HTMLButtonElement: window.HTMLButtonElement,
      Node: window.Node,
    });
    const { AdaptiveCard } = require("adaptivecards/dist/adaptivecards.js") as AdaptiveCards;

    const written = await requestsForOddCalls(teams as unknown as Connector);
    expect(written.length).toBeGreaterThan(40);
    for (const { what, request } of written) {
      const { attachments } = request.body as { attachments: { content: unknown }[] };
      const card = new AdaptiveCard();
      card.parse(attachments[0]?.content);
      const complaints = card.validateProperties().validationEvents.map(({ message }) => message);
      expect({ what, complaints }).toEqual({ what, complaints: [] });
      const shown = card.render()?.textContent ?? "";
      const said = lettersIn(ODD_CALLS[what]?.summary ?? "").slice(0, 500);
      expect({ what, shown: lettersIn(shown).includes(said) }).toEqual({ what, shown: true });
    }
  });
});

/** What a person reads of a text: spaces and line ends are shown as the card likes, and what has no width is not seen. */
const lettersIn = (text: string) => text.toWellFormed().replace(/[\s\p{Cc}\u200b]+/gu, "");
