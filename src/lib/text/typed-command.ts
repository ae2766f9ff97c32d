/**
 * How a person types a command of ours where this process was started: hints say `patchbay lag`, and in a checkout there is no such command.
 * Only our own sentences pass through {@link asTyped} and {@link typed}. Text of calls, vendors and people stays as it is, whatever words it holds.
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

let rewrite = (text: string) => text;

/** From now on {@link asTyped} knows these commands of the program. */
export function typeCommands(started: Started & { names: string[] }): void {
  const prefix = launcher(started);
  if (prefix === undefined) return;
  const words = [...started.names, "--help", "<command>", "\\[options\\]"].join("|");
  const hint = new RegExp(`(?<![\\w./@:-])patchbay (?=(?:${words})(?![\\w-]))`, "g");
  rewrite = (text) => text.replaceAll(hint, `${prefix} `);
}

/** A sentence of ours, with commands as a person types them here. */
export function asTyped(text: string): string {
  return rewrite(text);
}

/** The same for a template: its own words are rewritten, the values in it are not. */
export function typed(words: TemplateStringsArray, ...values: (string | number | undefined)[]): string {
  return words.map((part, index) => `${rewrite(part)}${index < values.length ? values[index] : ""}`).join("");
}
