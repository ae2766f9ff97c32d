import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** A collection of the young generation takes 1–2 ms. */
const COLLECT_EVERY_BYTES = 8_000_000;
/** One of everything takes some 30 ms, and comes when so much more than after the last one is in use. */
const COLLECT_ALL_EVERY_BYTES = 24_000_000;

type Collect = (options: { type: "minor" | "major" }) => void;

let collect: Collect | undefined;
let dropped = 0;
let usedAfterAll = 0;

/**
 * Says that memory of this size was dropped. V8 sees little of buffers beside its own heap and of a heap that is small beside the machine:
 * it collects when 64 MB of the one or a quarter of a gigabyte of the other have gathered, so that a flood of what nobody wants would cost that much
 * on top of everything else. Therefore collections are asked for here, as often as something has gathered.
 */
export function droppedMemory(bytes: number): void {
  dropped += bytes;
  if (dropped < COLLECT_EVERY_BYTES) return;
  dropped = 0;
  collect ??= collector();
  collect({ type: "minor" });
  if (usedBytes() < usedAfterAll + COLLECT_ALL_EVERY_BYTES) return;
  collect({ type: "major" });
  usedAfterAll = usedBytes();
}

function usedBytes(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** V8 gives the function to contexts that are made while the flag is set. */
function collector(): Collect {
  setFlagsFromString("--expose-gc");
  const gc: Collect = runInNewContext("gc");
  setFlagsFromString("--no-expose-gc");
  usedAfterAll = usedBytes();
  return gc;
}
