import { z } from "zod";
import type { Receipt } from "../../model/receipt.ts";

/** A field of a receipt's `extra`: stored as a text, used as `z.output` of the schema. */
type Field = z.ZodType<unknown, string>;

type Values<Shape extends Record<string, Field>> = { [Key in keyof Shape]?: z.output<Shape[Key]> | undefined };

/** What a connector keeps in its receipts beside the record's id and person, by a schema. */
export interface ReceiptExtra<Shape extends Record<string, Field>> {
  /** What an earlier version of the call left. A value that cannot be read is absent: receipts of older releases stay readable. */
  read(receipt: Receipt | undefined): Values<Shape>;
  /** To spread into a receipt. What is absent, an empty text or an empty list is not stored; without any value there is no `extra`. */
  write(values: Values<Shape>): Pick<Receipt, "extra">;
}

/** Texts without blanks, such as ids. They are stored as one text with blanks between. */
export function words<Word extends string = string>() {
  return z.codec(z.string(), z.array(z.custom<Word>((word) => typeof word === "string" && /^\S+$/.test(word))), {
    decode: (text) => text.split(" ").filter((word) => word !== "") as Word[],
    encode: (list) => list.join(" "),
  });
}

/** Something that is so or is not mentioned. It is stored as `true`. */
export function mark() {
  return z.codec(z.literal("true"), z.literal(true), { decode: () => true as const, encode: () => "true" as const });
}

/** Declares what a connector's receipts hold in `extra`; on disk every value is a text. */
export function defineExtra<Shape extends Record<string, Field>>(shape: Shape): ReceiptExtra<Shape> {
  return {
    read(receipt) {
      const fields = Object.entries(shape).flatMap(([name, field]) => {
        const text = receipt?.extra?.[name];
        const value = text === undefined ? undefined : z.safeDecode(field, text as never).data;
        return value === undefined ? [] : [[name, value]];
      });
      return Object.fromEntries(fields);
    },
    write(values) {
      const texts = Object.entries(shape).flatMap(([name, field]) => {
        const value = values[name];
        const text = value === undefined ? "" : z.encode(field, value);
        return text === "" ? [] : [[name, text]];
      });
      return texts.length === 0 ? {} : { extra: Object.fromEntries(texts) };
    },
  };
}
