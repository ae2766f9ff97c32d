import { type Delivery, OpenError, type Outcome } from "../../src/connector/index.ts";
import { type Column, TABLE_COLUMNS } from "./columns.ts";
import type { WarehouseWith } from "./mapping.ts";
import { extra } from "./receipt.ts";
import { CellFault, type Row, rowOf } from "./record.ts";
import type { RowResult, Store } from "./store.ts";

/** Transcripts are long: a statement's rows are held in memory more than once. Characters, where the engine has no limit of its own. */
const DEFAULT_LIMIT = { maxBytes: 4_000_000, bytesOf: (row: Row) => row.size };

/** deliveries → rows → table. One outcome per delivery, in order. */
export async function sendRows(options: { deliveries: Delivery<WarehouseWith>[]; store: Store; signal: AbortSignal }): Promise<Outcome[]> {
  const { deliveries, store, signal } = options;
  const columns = columnsOf(deliveries);
  const outcomes = new Map<string, Outcome>();
  const rows: Row[] = [];
  for (const delivery of deliveries) {
    try {
      rows.push(rowOf(delivery, store.holdsNumber));
    } catch (error) {
      if (!(error instanceof CellFault)) throw error;
      outcomes.set(delivery.key, { kind: "rejected", code: "unreadable_value", reason: error.message });
    }
  }
  const { maxBytes, batchBytes = maxBytes, bytesOf }: NonNullable<Store["limit"]> = store.limit ?? DEFAULT_LIMIT;
  /** What stops the destination; the rest would only find out the same, each with a wait of its own. */
  let stopped: Outcome | undefined;
  for (const part of statementsOf(rows, { maxBytes: batchBytes, bytesOf })) {
    if (store.limit && part.length === 1 && part[0] && bytesOf(part[0]) > maxBytes) {
      outcomes.set(part[0].key, { kind: "rejected", code: "too_large", reason: "the row is larger than one statement may be" });
      continue;
    }
    if (stopped) {
      for (const { key } of part) outcomes.set(key, stopped);
      continue;
    }
    const written = await writePart({ part, columns, store, signal });
    for (const [index, row] of part.entries()) outcomes.set(row.key, written.failed ?? outcomeOfRow(row, written.results[index], store));
    if (written.failed && stopsAll(written.failed)) stopped = written.failed;
  }
  return deliveries.map(({ key }) => outcomes.get(key) ?? { kind: "ambiguous", code: "no_result", reason: "the row's end is not known" });
}

async function writePart(options: {
  part: Row[];
  columns: Column[];
  store: Store;
  signal: AbortSignal;
}): Promise<{ results: RowResult[]; failed?: undefined } | { results?: undefined; failed: Outcome }> {
  const { part, columns, store, signal } = options;
  try {
    return { results: await store.upsert(part, columns, { signal }) };
  } catch (error) {
    if (!(error instanceof OpenError)) throw error;
    return { failed: error.outcome };
  }
}

/** Not a conflict or a lost answer: the next statement may do better. */
function stopsAll(outcome: Outcome): boolean {
  return outcome.kind === "needs-fix" || (outcome.kind === "retry" && (outcome.because === "down" || outcome.because === "rate-limit"));
}

function outcomeOfRow(row: Row, result: RowResult | undefined, store: Store): Outcome {
  if (result === "written") return { kind: "delivered", receipt: { id: row.key, ...extra.write({ table: store.table }) } };
  return result ?? { kind: "ambiguous", code: "no_result", reason: "the row's end is not known" };
}

/** Ours, and those that the routes of this batch name. */
function columnsOf(deliveries: Delivery<WarehouseWith>[]): Column[] {
  const named = new Set(deliveries.flatMap((delivery) => Object.keys(delivery.with.columns ?? {})));
  return [...TABLE_COLUMNS, ...[...named].map((name) => ({ name, kind: "text" }) as const)];
}

/** No key twice in one statement: databases refuse that, or count it as one row. */
function* statementsOf(rows: Row[], { maxBytes, bytesOf }: NonNullable<Store["limit"]>): Generator<Row[]> {
  let part: Row[] = [];
  let bytes = 0;
  const keys = new Set<string>();
  for (const row of rows) {
    const more = bytesOf(row);
    if (part.length > 0 && (bytes + more > maxBytes || keys.has(row.key))) {
      yield part;
      part = [];
      bytes = 0;
      keys.clear();
    }
    part.push(row);
    keys.add(row.key);
    bytes += more;
  }
  if (part.length > 0) yield part;
}
