import type { Row } from "./record.ts";

/** Rows as one JSON parameter, cells as texts, absent where they say nothing: for engines that take a batch so. */
export function jsonOf(rows: readonly Row[]): string {
  return JSON.stringify(rows.map(said));
}

/** Of a row in such a parameter, as the body of a request has it: JSON in JSON, each quote and backslash escaped twice. */
export function jsonBytesOf(row: Row): number {
  return Buffer.byteLength(JSON.stringify(JSON.stringify(said(row))));
}

function said({ cells }: Row): Record<string, string> {
  return Object.fromEntries([...cells].filter((entry): entry is [string, string] => entry[1] !== null));
}
