import { tmpdir } from "node:os";
import { runPatchbay } from "./patchbay-process.ts";

interface Help {
  /** The words that name its subcommands. */
  commands: string[];
  /** Each option's spellings, and whether a value follows. */
  options: Map<string, boolean>;
  /** Of its usage: `[file]`, `<call_id>`, `[names...]`. */
  operands: string[];
}

const helps = new Map<string, Promise<Help>>();

/** What `patchbay <path> --help` says: asked once. */
function helpOf(path: string[]): Promise<Help> {
  const key = path.join(" ");
  const known = helps.get(key) ?? readHelp(path);
  helps.set(key, known);
  return known;
}

async function readHelp(path: string[]): Promise<Help> {
  const { stdout } = await runPatchbay({ args: [...path, "--help"], env: {}, cwd: tmpdir() });
  const section = (title: string) => new RegExp(`^${title}:\\n((?:  .*\\n?|\\n(?=  ))*)`, "m").exec(stdout)?.[1] ?? "";
  const options = [...section("Options").matchAll(/^ {2}(-\S.*?)(?: {2}|$)/gm)].flatMap(([, flags = ""]) =>
    flags
      .replace(/ [<[].*$/, "")
      .split(", ")
      .map((flag) => [flag, /[<[]/.test(flags)] as const),
  );
  const usage = /^Usage: patchbay(?: [a-z|-]+)* ?(.*)$/m.exec(stdout)?.[1] ?? "";
  return {
    commands: [...section("Commands").matchAll(/^ {2}([a-z][a-z-]*)/gm)].map(([, name = ""]) => name).filter((name) => name !== "help"),
    options: new Map(options),
    operands: usage.split(" ").filter((word) => /^[[<]/.test(word) && word !== "[options]" && word !== "[command]"),
  };
}

/**
 * What is wrong with a typed command line behind `patchbay`, without running it; undefined where nothing is. `<route>`, `…` and a word in
 * capital letters stand for what a person puts there; an operand that is not given is fine, as in a sentence that names the command only.
 */
export async function commandLineProblem(words: string[]): Promise<string | undefined> {
  const path: string[] = [];
  let help = await helpOf(path);
  let rest = words;
  while (help.commands.length > 0 && rest[0] !== undefined && !rest[0].startsWith("-")) {
    const [name = ""] = rest;
    const one = /^<command>$/.test(name) ? undefined : name;
    if (one === undefined) return undefined;
    if (!help.commands.includes(one)) return `there is no command "${[...path, one].join(" ")}"`;
    path.push(one);
    rest = rest.slice(1);
    help = await helpOf(path);
  }
  let operands = 0;
  for (let index = 0; index < rest.length; index++) {
    const word = rest[index] ?? "";
    if (!word.startsWith("-")) {
      operands += 1;
      continue;
    }
    const [flag = "", value] = word.split("=", 2);
    const takesValue = help.options.get(flag);
    if (takesValue === undefined && flag !== "--help") return `"${path.join(" ")}" has no option ${flag}`;
    if (takesValue && value === undefined) index += 1;
  }
  const most = help.operands.some((one) => one.includes("...")) ? Number.POSITIVE_INFINITY : help.operands.length;
  return operands > most ? `"${path.join(" ")}" takes no more than ${most} operands` : undefined;
}

/** The words of a line of a shell, without its comment; quotes hold words together. */
export function shellWords(line: string): string[] {
  const words = line.replace(/(^|\s)#.*$/, "").match(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g) ?? [];
  return words.map((word) => word.replaceAll(/['"]/g, ""));
}
