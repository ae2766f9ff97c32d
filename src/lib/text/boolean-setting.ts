import { z } from "zod";

/** A setting that is on or off. A variable's value is a text: `true` and `false` are read too. */
export function booleanSetting() {
  return z
    .union([z.boolean(), z.enum(["true", "false"])], { error: "must be true or false" })
    .transform((on) => on === true || on === "true");
}
