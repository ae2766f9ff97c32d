import type { ASTNode } from "@marcbachmann/cel-js";
import { didYouMean } from "../../lib/text/did-you-mean.ts";
import { caseWarnings } from "./case.ts";
import type { ExpressionFinding } from "./explain.ts";
import { nodesOf, textOf } from "./nodes.ts";
import { numberWarnings } from "./numbers.ts";
import { nearOutcome, OUTCOMES } from "./outcomes.ts";
import { rangeWarnings } from "./ranges.ts";

/** An agent of the file, as far as conditions name it. */
export interface KnownAgent {
  key: string;
  id: string;
  name?: string | undefined;
}

/** Words that a text can be compared with, where the file knows them. */
export interface KnownWords {
  agents: readonly KnownAgent[];
  sources: readonly string[];
}

type Said = { message: string; hint?: string | undefined };

/**
 * Conditions that are correct, and are never true or always true: a word that cannot come, a capital letter behind `lowerAscii()`, a length below 0.
 * They would pass in silence, and the route would never fire.
 */
export function nearMisses(ast: ASTNode, known: KnownWords): ExpressionFinding[] {
  const said = [...neverTrue(ast), ...wordWarnings(ast, known), ...caseWarnings(ast), ...rangeWarnings(ast), ...numberWarnings(ast)];
  return said.map((finding) => ({ ...finding, severity: "warning" }));
}

/** `false`, alone or as a part of `&&`: people switch a route off so, and `enabled: false` keeps its calls. */
function* neverTrue(ast: ASTNode): Generator<ExpressionFinding> {
  const node = ast.op === "&&" ? ast.args.find((side) => isFalse(side)) : isFalse(ast) ? ast : undefined;
  if (!node) return;
  yield { offset: node.start, message: "this condition is never true", hint: "To stop a route and keep its calls: enabled: false." };
}

const isFalse = (node: ASTNode) => node.op === "value" && node.args === false;

function* wordWarnings(ast: ASTNode, known: KnownWords): Generator<ExpressionFinding> {
  for (const { name, literal } of comparedTexts(ast)) {
    const text = textOf(literal);
    if (text === undefined || text === "") continue;
    const wrong = wrongWord(name, text, known);
    if (wrong) yield { offset: literal.start, ...wrong };
  }
}

/** A name of a call, and a text that is written out, which `==`, `!=` or `in` compares it with. */
function* comparedTexts(ast: ASTNode): Generator<{ name: string; literal: ASTNode }> {
  for (const node of nodesOf(ast)) {
    if (node.op !== "==" && node.op !== "!=" && node.op !== "in") continue;
    for (const [side, other] of [node.args, node.args.toReversed() as [ASTNode, ASTNode]]) {
      if (side.op !== "id") continue;
      for (const literal of other.op === "list" ? other.args : [other]) yield { name: side.args, literal };
    }
  }
}

/** What is wrong with a word that a name of a call is compared with; undefined where nothing is. */
export function wrongWord(name: string, text: string, { agents, sources }: KnownWords): Said | undefined {
  switch (name) {
    case "agent": {
      const twin = agents.find(({ key, id, name: called }) => key !== text && (id === text || called === text));
      if (twin) return { message: `agent is never "${text}"`, hint: `agent is the key under "agents:": "${twin.key}".` };
      return unless(
        agents.map(({ key }) => key),
        { name, text },
      );
    }
    case "source":
      return unless(sources, { name, text });
    case "direction":
      return unless(["inbound", "outbound", "unknown"], { name, text });
    case "call_outcome": {
      const near = nearOutcome(text);
      return near === undefined
        ? undefined
        : { message: `VoiceInfra knows no call_outcome "${text}"`, hint: `did you mean "${near}"? They are ${OUTCOMES.join(", ")}.` };
    }
    case "agent_id":
      return wrongAgentId(text, agents);
    case "agent_name": {
      const names = agents.map(({ name: called, id }) => called ?? id);
      const hint = names.includes(text) ? undefined : didYouMean(text, names);
      return hint === undefined ? undefined : { message: `no agent of this file has the name "${text}"`, hint };
    }
    default:
      return undefined;
  }
}

function unless(words: readonly string[], { name, text }: { name: string; text: string }): Said | undefined {
  if (words.includes(text)) return undefined;
  const listed = words.length > 0 ? `It is one of ${words.map((word) => `"${word}"`).join(", ")}.` : `No ${name} is named in this file.`;
  return { message: `${name} is never "${text}"`, hint: didYouMean(text, words) ?? listed };
}

/** An agent that the file does not name still calls, so that its id is no mistake in itself. */
function wrongAgentId(text: string, agents: readonly KnownAgent[]): Said | undefined {
  const ids = agents.map(({ id }) => id);
  // An id that a variable holds is not known everywhere.
  if (ids.includes(text) || ids.some((id) => id.includes("${"))) return undefined;
  const twin = agents.find(({ key, name }) => key === text || name === text);
  const message = `no agent of this file has the id "${text}"`;
  if (twin) return { message, hint: `agent_id is VoiceInfra's; "${text}" is the agent "${twin.key}": agent == "${twin.key}".` };
  const hint = didYouMean(text, ids) ?? (ids.length > 0 ? 'If it is one of yours, name it under "agents:".' : undefined);
  return hint === undefined ? undefined : { message, hint };
}
