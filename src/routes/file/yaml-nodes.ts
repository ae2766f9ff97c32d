import { type Document, isAlias, isMap, isScalar, isSeq, type Node } from "yaml";

/** Keys and list indexes from the top of the file. */
export type Path = readonly PropertyKey[];

/** A key and what stands behind it; of the top and of list items there is no key. */
interface Step {
  key: Node | null;
  node: Node | null;
}

/** The nodes from the top to `path`, as far as they exist; aliases are followed, so that places are where a thing is written. */
export function nodesAlong(document: Document.Parsed, path: Path): Step[] {
  const steps: Step[] = [{ key: null, node: document.contents }];
  for (const part of path) {
    const here = steps.at(-1)?.node;
    const next = here ? child(here, part) : undefined;
    if (!next) break;
    const target = isAlias(next.node) ? (next.node.resolve(document) ?? next.node) : next.node;
    steps.push({ key: next.key, node: target });
  }
  return steps;
}

function child(node: Node, part: PropertyKey): Step | undefined {
  if (isMap(node)) {
    const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(part));
    if (!pair) return undefined;
    // `key:` without a value has a null node without text: the key is the best place there is.
    const value = pair.value as Node | null;
    return { key: pair.key as Node, node: value ?? (pair.key as Node) };
  }
  if (isSeq(node)) {
    const item = node.items[Number(part)] as Node | undefined;
    return item ? { key: null, node: item } : undefined;
  }
  return undefined;
}
