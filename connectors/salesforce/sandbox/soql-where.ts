/** A record by the names of its fields. */
export type Row = Record<string, unknown>;

export interface Condition {
  /** Those that it names. */
  fields: string[];
  holds(row: Row): boolean;
}

const TOKEN = /\s*('(?:[^'\\]|\\.)*'|[(),=]|[\w.]+)/y;

/**
 * What stands behind WHERE: `=`, IN and LIKE, AND and OR; undefined: it cannot be read. As in SOQL, AND and OR stand side by side in brackets only.
 * A text compares without regard to case.
 */
export function conditionOf(where: string): Condition | undefined {
  if (where === "") return { fields: [], holds: () => true };
  const tokens = tokensOf(where);
  if (!tokens) return undefined;
  let at = 0;
  const next = () => tokens[at++];
  const fields: string[] = [];
  const whole = group();
  return whole && at === tokens.length ? { fields, holds: whole } : undefined;

  function group(): Condition["holds"] | undefined {
    const terms = [single()];
    let joined: string | undefined;
    while (tokens?.[at] === "AND" || tokens?.[at] === "OR") {
      const word = next();
      if (joined !== undefined && joined !== word) return undefined;
      joined = word;
      terms.push(single());
    }
    if (!terms.every((term) => term !== undefined)) return undefined;
    return (row) => (joined === "OR" ? terms.some((term) => term(row)) : terms.every((term) => term(row)));
  }

  function single(): Condition["holds"] | undefined {
    const field = next();
    if (field === "(") {
      const inner = group();
      return next() === ")" ? inner : undefined;
    }
    if (field === undefined || !/^\w+$/.test(field)) return undefined;
    fields.push(field);
    switch (next()) {
      case "=": {
        const value = textOf(next());
        return value === undefined ? undefined : (row) => comparable(row[field]) === value;
      }
      case "LIKE": {
        const pattern = textOf(next());
        if (pattern === undefined) return undefined;
        const matches = likeOf(pattern);
        return (row) => matches(comparable(row[field]));
      }
      case "IN": {
        const values = listOf();
        return values && ((row) => values.includes(comparable(row[field])));
      }
      default:
        return undefined;
    }
  }

  function listOf(): string[] | undefined {
    if (next() !== "(") return undefined;
    const values: string[] = [];
    for (;;) {
      const value = textOf(next());
      if (value === undefined) return undefined;
      values.push(value);
      const sign = next();
      if (sign === ")") return values;
      if (sign !== ",") return undefined;
    }
  }
}

function tokensOf(where: string): string[] | undefined {
  const tokens: string[] = [];
  const pattern = new RegExp(TOKEN);
  while (pattern.lastIndex < where.length) {
    const [, token] = pattern.exec(where) ?? [];
    if (token === undefined) return undefined;
    tokens.push(token);
  }
  return tokens;
}

function textOf(token: string | undefined): string | undefined {
  if (token === "true" || token === "false") return token;
  return token?.startsWith("'") ? comparable(token.slice(1, -1).replace(/\\(.)/g, "$1")) : undefined;
}

/** `%` stands for any signs: what is between them must follow one another. Of `_` the sandbox knows nothing. */
function likeOf(pattern: string): (text: string) => boolean {
  const [head = "", ...others] = pattern.split("%");
  const tail = others.pop();
  if (tail === undefined) return (text) => text === head;
  return (text) => {
    if (!text.startsWith(head)) return false;
    let at = head.length;
    for (const part of others) {
      const found = text.indexOf(part, at);
      if (found < 0) return false;
      at = found + part.length;
    }
    return text.length - at >= tail.length && text.endsWith(tail);
  };
}

function comparable(value: unknown): string {
  return String(value ?? "").toLowerCase();
}
