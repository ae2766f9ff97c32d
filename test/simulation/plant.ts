/** `node --import` this with PLANTED_BUG=<index>: the source is loaded with that bug in it. */
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";
import { PLANTED_BUGS } from "./bugs.ts";

const bug = PLANTED_BUGS[Number(process.env.PLANTED_BUG)];
if (!bug) throw new Error(`there is no planted bug ${process.env.PLANTED_BUG}`);

registerHooks({
  load(url, context, next) {
    if (!url.endsWith(`/${bug.file}`)) return next(url, context);
    const source = readFileSync(fileURLToPath(url), "utf8");
    const edits = [bug, ...(bug.also ? [bug.also] : [])];
    for (const { find } of edits) {
      if (source.split(find).length !== 2) throw new Error(`the bug "${bug.name}" does not fit ${bug.file} any more: ${find}`);
    }
    const planted = edits.reduce((text, { find, replace }) => text.replace(find, () => replace), source);
    return { format: "module-typescript", source: planted, shortCircuit: true };
  },
});
