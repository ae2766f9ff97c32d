import type { Connector } from "../../connector/index.ts";
import type { Receipt } from "../../model/receipt.ts";
import type { Destination } from "../../route.ts";

/**
 * What protects a delivery from a second record at this destination: an edit of what its receipt names makes none, however often it is sent,
 * and the settings may allow that a message is sent again.
 */
export function duplicatesAt(
  to: Pick<Destination, "onAmbiguous"> & { connector: Pick<Connector, "duplicates" | "edits"> },
  receipt: Receipt | undefined,
): Connector["duplicates"] {
  if (receipt && to.connector.edits) return "native-key";
  return to.connector.duplicates === "none" && to.onAmbiguous === "send_again" ? "native-key" : to.connector.duplicates;
}
