import { z } from "zod";

/** A setting that is on or off. A variable's value is a text: `true` and `false` are read too. */
export function flag() {
  return z.union([z.boolean(), z.stringbool({ truthy: ["true"], falsy: ["false"] })], { error: "must be true or false" });
}
