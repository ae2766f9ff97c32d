import { ExactNumber, parseJsonExactly } from "../../../src/connector/index.ts";

/**
 * A batch (a JSON array of objects of texts) whose JSON cells have the numbers that the vendor keeps of them: those that it holds stay, others are rounded
 * to doubles. `undefined`: one is too large for that, and the vendor refuses it.
 */
export function withVendorNumbers(options: { rows: string; columns: string[]; holds: (text: string) => boolean }): string | undefined {
  const { rows, columns, holds } = options;
  let fits = true;
  const rounded = (value: unknown): unknown => {
    if (value instanceof ExactNumber) {
      if (holds(value.text)) return value;
      fits &&= Number.isFinite(Number(value.text));
      return Number(value.text);
    }
    if (Array.isArray(value)) return value.map(rounded);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, rounded(inner)]));
  };
  const cells = JSON.parse(rows) as Record<string, string>[];
  for (const row of cells) {
    for (const column of columns) if (row[column] !== undefined) row[column] = JSON.stringify(rounded(parseJsonExactly(row[column])));
  }
  return fits ? JSON.stringify(cells) : undefined;
}
