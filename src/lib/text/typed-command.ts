/**
 * How a person types a command of ours where this process was started: hints say `patchbay lag`, and in a checkout there is no such command.
 * The one place for it: sentences are written with `patchbay …`, and what leaves the process passes through {@link asTyped}.
 */
interface Started {
  env: Record<string, string | undefined>;
  /** From a checkout, whose package.json has the script `patchbay`. */
  fromSources: boolean;
}

/** What stands in front of a command; undefined where `patchbay` itself is one. npm says in its variables that it has started us. */
export function launcher({ env, fromSources }: Started): string | undefined {
  if (env.npm_lifecycle_event === undefined && env.npm_execpath === undefined) return undefined;
  return fromSources && env.npm_lifecycle_event !== "npx" ? "npm run -s patchbay --" : "npx patchbay";
}

let typed = (text: string) => text;

/** From now on {@link asTyped} knows these commands of the program. */
export function typeCommands(started: Started & { names: string[] }): void {
  const prefix = launcher(started);
  if (prefix === undefined) return;
  const words = [...started.names, "--help", "<command>", "\\[options\\]"].join("|");
  const hint = new RegExp(`(?<![\\w./@:-])patchbay (?=(?:${words})(?![\\w-]))`, "g");
  typed = (text) => text.replaceAll(hint, `${prefix} `);
}

/** Text for people, with commands as they type them. */
export function asTyped(text: string): string {
  return typed(text);
}
