import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseAllDocuments, type Scalar, visit } from "yaml";
import type { Position, Problems } from "../diagnose/problems.ts";
import { syntaxFindings } from "../diagnose/syntax.ts";
import { offsetInSource } from "./scalar-source.ts";
import { nodesAlong, type Path } from "./yaml-nodes.ts";

export type { Path } from "./yaml-nodes.ts";

/** routes.yaml as text, as values, and the way from a value back to its place. */
export interface RoutesDocument {
  text: string;
  /** Plain objects, arrays and scalars; undefined when the file could not be read as YAML. */
  value: unknown;
  /** Where the value at `path` begins; of something absent, where the nearest thing around it does. */
  at(path: Path): Position;
  /** Where the key of the value at `path` begins; for list items, the item. */
  atKey(path: Path): Position;
  /** Where a character of the text at `path` is, through quotes, escapes and indentation. */
  inside(path: Path, offset: number): Position;
  /** The scalar at `path` as it is written, without quotes: `+18005551234` of a number. Of an empty one, the comment that stands in its place. */
  written(path: Path): string;
  /** Start and end in `text` of every scalar that stands under a key that `matches`, wherever it is, and that key. */
  scalarsUnder(matches: (key: string) => boolean): { key: string; start: number; end: number }[];
}

/** Aliases may repeat things, but not so often that a small file becomes a huge one. */
const MAX_VALUES = 20_000;
const MAX_DEPTH = 60;

/** Reads YAML 1.2 (core schema: `yes` and `no` are text). What is wrong goes to `problems`. */
export function readDocument(options: { text: string; problems: Problems }): RoutesDocument {
  const { text, problems } = options;
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, {
    lineCounter: lines,
    prettyErrors: false,
    stringKeys: true,
    uniqueKeys: false,
    resolveKnownTags: false,
    logLevel: "silent",
  });
  const [document, second] = "empty" in documents ? [] : documents;
  const position = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const refused = syntaxFindings({ text, document, second, position });
  for (const finding of refused) problems.add(finding);

  const readable = document !== undefined && refused.length === 0;
  const value = readable ? toValue({ document, position, problems }) : undefined;
  const nodes = (path: Path) => (document ? nodesAlong(document, path) : []);
  const startOf = (node: Node | null | undefined) => position(node?.range?.[0] ?? 0);

  function at(path: Path): Position {
    const along = nodes(path);
    return startOf(along.findLast((step) => step.node)?.node);
  }

  return {
    text,
    value,
    at,
    atKey(path) {
      const along = nodes(path);
      const last = along.at(-1);
      return along.length === path.length + 1 && last?.key ? startOf(last.key) : at(path);
    },
    inside(path, offset) {
      const along = nodes(path);
      const node = along.at(-1)?.node;
      if (along.length !== path.length + 1 || !isScalar(node)) return at(path);
      const place = offsetInSource({ text, node: node as Scalar, offset });
      return place === undefined ? at(path) : position(place);
    },
    written(path) {
      const along = nodes(path);
      const range = along.length === path.length + 1 ? along.at(-1)?.node?.range : undefined;
      if (!range) return "";
      const line = text.slice(range[0], text.indexOf("\n", range[0]) + 1 || text.length);
      return range[0] === range[1] ? line.trim() : text.slice(range[0], range[1]);
    },
    scalarsUnder(matches) {
      const found: { key: string; start: number; end: number }[] = [];
      visit(document ?? null, {
        Pair(_key, pair) {
          if (!isScalar(pair.key) || !matches(String(pair.key.value))) return undefined;
          const key = String(pair.key.value);
          visit(pair.value as Node | null, {
            Scalar(_, { range }) {
              if (range) found.push({ key, start: range[0], end: range[1] });
            },
          });
          return visit.SKIP;
        },
      });
      return found;
    },
  };
}

/** Our own conversion, because each refusal needs its place: keys twice, merge keys, `__proto__`, and aliases that multiply. */
function toValue(options: { document: Document.Parsed; position: (offset: number) => Position; problems: Problems }): unknown {
  const { document, position, problems } = options;
  const startOf = (node: Node) => position(node.range?.[0] ?? 0);
  let values = 0;
  let tooMany = false;
  const open = new Set<Node>();

  function convert(node: Node | null, via: Node | undefined, depth: number): unknown {
    if (!node || tooMany) return null;
    values += 1;
    if (values > MAX_VALUES || depth > MAX_DEPTH) {
      tooMany = true;
      const message = via
        ? "this alias repeats so much that the file becomes too large"
        : depth > MAX_DEPTH
          ? "this is nested too deeply"
          : "the file holds too many values";
      problems.add({ at: startOf(via ?? node), message, hint: `At most ${MAX_VALUES} values, ${MAX_DEPTH} levels deep.` });
      return null;
    }
    if (isAlias(node)) {
      const target = node.resolve(document);
      if (!target) {
        problems.add({
          at: startOf(node),
          message: `there is no anchor "&${node.source}" above this alias`,
          hint: 'If a text shall begin with "*", put it in quotes.',
        });
        return null;
      }
      if (open.has(target)) {
        problems.add({ at: startOf(node), message: `the alias "*${node.source}" is inside its own anchor` });
        return null;
      }
      return convert(target, via ?? node, depth + 1);
    }
    if (isScalar(node)) return node.value;
    open.add(node);
    const result = isSeq(node) ? node.items.map((item) => convert(item as Node, via, depth + 1)) : convertMap(node, via, depth);
    open.delete(node);
    return result;
  }

  function convertMap(node: Node, via: Node | undefined, depth: number): Record<string, unknown> {
    const result: Record<string, unknown> = {};
    const first = new Map<string, Node>();
    for (const pair of isMap(node) ? node.items : []) {
      const keyNode = pair.key as Node;
      const key = isScalar(keyNode) ? String(keyNode.value) : "";
      const earlier = first.get(key);
      if (earlier) {
        problems.add({
          at: startOf(keyNode),
          message: `"${key}" is here twice`,
          hint: `The first is on line ${startOf(earlier).line}. Remove one, or give it another name.`,
        });
      } else if (key === "<<") {
        problems.add({ at: startOf(keyNode), message: "merge keys (<<) are not supported", hint: "Write the fields out." });
      } else if (key === "__proto__") {
        problems.add({ at: startOf(keyNode), message: '"__proto__" cannot be a field' });
      } else {
        first.set(key, keyNode);
        result[key] = convert(pair.value as Node | null, via, depth + 1);
      }
    }
    return result;
  }

  const value = convert(document.contents, undefined, 0);
  return tooMany ? undefined : value;
}
