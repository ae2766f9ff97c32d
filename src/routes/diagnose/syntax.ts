import type { Document, YAMLError } from "yaml";
import { wrongIndentation } from "./indentation.ts";
import type { Finding, Position } from "./problems.ts";

const QUOTE_IT = "Put the whole text in quotes.";

/**
 * What the YAML parser refuses, in words for people who do not know YAML's grammar.
 * One finding per line: what follows a syntax error on the same line is its echo.
 */
export function syntaxFindings(options: {
  text: string;
  document: Document.Parsed | undefined;
  second: Document.Parsed | undefined;
  position: (offset: number) => Position;
}): Finding[] {
  const { text, document, second, position } = options;
  const findings: Finding[] = [];
  const lines = new Set<number>();
  const add = (finding: Finding) => {
    if (lines.has(finding.at.line)) return;
    lines.add(finding.at.line);
    findings.push(finding);
  };

  const errors = document?.errors ?? [];
  const [first] = errors;
  const tabs = errors.flatMap((error) => tabBefore(text, error, position) ?? []);
  const slipped = first && tabs.length === 0 && !second ? wrongIndentation({ text, errorLine: position(first.pos[0]).line }) : undefined;
  // The other errors in the file's form follow from it.
  if (slipped) return [slipped];
  for (const finding of tabs) add(finding);
  if (tabs.length > 0) return findings;

  for (const error of errors) {
    add(explain(text, error, position));
    // A file that is nested beyond the stack echoes hundreds of times.
    if (error.code === "RESOURCE_EXHAUSTION") break;
  }
  for (const warning of document?.warnings ?? []) {
    const tag = text.slice(warning.pos[0], warning.pos[1]);
    add({
      at: position(warning.pos[0]),
      message: `YAML reads "${tag}" as a tag, and tags are not supported`,
      hint: 'If the text shall begin with "!", put all of it in quotes.',
    });
  }
  if (second) {
    const start = second.range[0];
    add({ at: position(start), message: "the file holds more than one YAML document", hint: 'Remove the "---" and what follows it.' });
  }
  return findings;
}

/** A tab among the white space before a line's text: the cause of errors that YAML words in other ways. */
function tabBefore(text: string, error: YAMLError, position: (offset: number) => Position): Finding | undefined {
  const from = text.lastIndexOf("\n", Math.max(0, error.pos[0] - 1)) + 1;
  const until = text.indexOf("\n", error.pos[1]);
  const around = text.slice(from, until === -1 ? text.length : until);
  const match = /^ *\t/m.exec(around);
  if (!match) return undefined;
  return {
    at: position(from + match.index + match[0].length - 1),
    message: "a tab cannot indent a line in YAML",
    hint: "Use spaces: two for each level.",
  };
}

function explain(text: string, error: YAMLError, position: (offset: number) => Position): Finding {
  const at = position(error.pos[0]);
  const lineEnd = text.indexOf("\n", error.pos[0]);
  const restOfLine = text.slice(error.pos[0], lineEnd === -1 ? text.length : lineEnd);
  switch (error.code) {
    case "TAB_AS_INDENT":
      return { at, message: "a tab cannot indent a line in YAML", hint: "Use spaces: two for each level." };
    case "BLOCK_AS_IMPLICIT_KEY":
    case "MULTILINE_IMPLICIT_KEY":
      if (/: |:$/.test(restOfLine.trimEnd()) || lineEnd === -1) {
        return { at, message: 'an unquoted text cannot hold ": "', hint: QUOTE_IT };
      }
      return {
        at: position(lineEnd + 1 + (/^[ ]*/.exec(text.slice(lineEnd + 1))?.[0].length ?? 0)),
        message: "this line is indented too far",
        hint: "Fields of one thing begin in the same column.",
      };
    case "NON_STRING_KEY":
      if (/^\s*\{/.test(text.slice(error.pos[0]))) {
        return { at, message: "a template needs quotes around it", hint: 'Write it as "{{ … }}": unquoted braces are YAML\'s own.' };
      }
      return { at, message: "the name of a field must be plain text" };
    case "BAD_SCALAR_START":
      return { at, message: `an unquoted text cannot begin with "${restOfLine[0] ?? ""}"`, hint: QUOTE_IT };
    case "MISSING_CHAR":
      if (error.message.includes("sequence item without")) {
        return { at, message: 'this line belongs to no item of the list: its "- " is missing, or it is not indented far enough' };
      }
      if (error.message.includes("implicit map keys")) {
        return {
          at,
          message: 'this line is no "field: value"',
          hint: "Is a colon missing, or does it belong to the text above and needs more indentation?",
        };
      }
      if (error.message.includes("quote")) {
        const opened = Math.max(text.lastIndexOf(error.message.includes("'") ? "'" : '"', error.pos[0] - 1), 0);
        return { at: position(opened), message: "a quote that was opened here is never closed" };
      }
      return { at, message: `not valid YAML: ${lowerFirst(error.message)}` };
    case "BAD_DQ_ESCAPE":
      return {
        at,
        message: `"${restOfLine.slice(0, 2)}" means nothing in double quotes`,
        hint: "Use single quotes, or double the backslash.",
      };
    case "BAD_INDENT":
      if (error.message.includes("must be sufficiently indented")) {
        const bracket = error.message.at(-1) ?? "";
        return { at, message: `a "${bracket}" is missing before this line` };
      }
      return { at, message: "the indentation does not fit the lines above", hint: "Fields of one thing begin in the same column." };
    case "RESOURCE_EXHAUSTION":
      return { at, message: "this is nested too deeply" };
    case "UNEXPECTED_TOKEN":
      if (/["']\s*$/.test(text.slice(0, error.pos[0]))) {
        return {
          at,
          message: "nothing may follow the closing quote of a text",
          hint: "If the quotes belong to the text, put all of it in quotes of the other kind.",
        };
      }
      return {
        at,
        message: `not valid YAML here: ${lowerFirst(error.message)}`,
        hint: "Look at the quotes, brackets and indentation before it.",
      };
    default:
      return { at, message: `not valid YAML: ${lowerFirst(error.message)}` };
  }
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
