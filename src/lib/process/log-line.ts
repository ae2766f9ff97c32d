import { styleText } from "node:util";
import { printable } from "../text/printable.ts";

const LEVELS = { trace: "dim", debug: "dim", info: "green", warn: "yellow", error: "red", fatal: "red" } as const;
/** What stands elsewhere in the line, or says nothing to a person. */
const ELSEWHERE = new Set(["level", "time", "msg", "pid"]);

/**
 * A log line for a person at a terminal: `14:23:07Z WARN  delivery refused  source=voiceinfra code=signature_wrong`. Programs get the JSON.
 * What is no log line of ours is given back as it is.
 */
export function readableLogLine(line: string): string {
  let parsed: Record<string, unknown>;
  try {
    parsed = JSON.parse(line);
  } catch {
    return line;
  }
  const { level, time, msg } = parsed as { level: keyof typeof LEVELS; time: string; msg: string };
  const colour = LEVELS[level];
  if (colour === undefined) return line;
  // Who writes to a terminal that has colours has looked at NO_COLOR as well.
  const styled = (style: Parameters<typeof styleText>[0], text: string) => styleText(style, text, { stream: process.stderr });
  const fields = Object.entries(parsed).filter(([name]) => !ELSEWHERE.has(name));
  const shown = fields.map(([name, value]) => `${styled("dim", `${name}=`)}${textOf(value)}`).join(" ");
  return `${styled("dim", `${time.slice(11, 19)}Z`)} ${styled(colour, level.toUpperCase().padEnd(5))} ${printable(msg)}${shown && `  ${shown}`}\n`;
}

function textOf(value: unknown): string {
  // JSON writes a C1 control and a bidi control as it is; reading the line has brought them back.
  return printable(typeof value === "string" && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value));
}
