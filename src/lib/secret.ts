import { inspect } from "node:util";

/**
 * A value that cannot print itself: string conversion, JSON, `console.log` and template literals
 * all give `[secret]`. The text comes out only through {@link Secret.reveal}, so a search for
 * that word finds every place where a secret is used.
 */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return "[secret]";
  }

  toJSON(): string {
    return "[secret]";
  }

  [inspect.custom](): string {
    return "[secret]";
  }
}
