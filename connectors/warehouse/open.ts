import type { OpenDestination, OpenOptions } from "../../src/connector/index.ts";
import { TABLE_COLUMNS } from "./columns.ts";
import { engineOf } from "./engines/index.ts";
import type { WarehouseWith } from "./mapping.ts";
import { sendRows } from "./send.ts";
import type { WarehouseSettings } from "./settings.ts";

/** @throws {OpenError} when the database cannot be used, or the table is not as it must be; or a network error. */
export async function openWarehouse({ settings, timeoutMs }: OpenOptions<WarehouseSettings>): Promise<OpenDestination<WarehouseWith>> {
  const engine = engineOf(settings.url.reveal());
  if (!engine) throw new Error("the settings were not parsed");
  const store = await engine.open(settings, { timeoutMs });
  try {
    await store.prepare(TABLE_COLUMNS);
  } catch (error) {
    await store.close();
    throw error;
  }
  return {
    send: (deliveries, { signal }) => sendRows({ deliveries, store, signal }),
    erase: ({ key }, { signal }) => store.erase(key, { signal }),
    afterErase: async ({ signal }) => (store.afterErase ? store.afterErase({ signal }) : engine.keepsDeleted),
    read: ({ key }, { signal }) => store.read(key, { signal }),
    close: () => store.close(),
  };
}
