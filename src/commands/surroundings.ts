import { resolve } from "node:path";
import { isOpenToAll, isOurs } from "../lib/files/private-file.ts";
import type { Context } from "./context.ts";
import { unknownSettings } from "./environment.ts";

/** Says once, at the start, what around the process is probably not meant: variables that nobody reads, files that everybody may read. */
export function warnOfSurroundings(options: { context: Context; routesText: string }): void {
  const { context, routesText } = options;
  for (const said of unknownSettings(context.env, routesText)) context.logger.warn(said);
  for (const file of openFiles(context, routesText))
    context.logger.warn({ file }, "every user of this machine can read this file: take the right from others (chmod o-rwx)");
}

function openFiles({ urls }: Context, routesText: string): string[] {
  const data = Object.values(urls).flatMap((url) => (url.startsWith("sqlite:") ? [url.slice("sqlite:".length)] : []));
  const secrets = [...routesText.matchAll(/\$\{file:([^}]+)\}/g)].map(([, path]) => path as string);
  return [...new Set([".env", ...data, ...secrets])].filter((path) => isOpenToAll(path) && isOurs(resolve(path)));
}
