import type { IncomingMessage } from "node:http";
import { droppedMemory } from "../lib/process/dropped-memory.ts";
import type { Place, Room } from "./room.ts";

export type ReadBody =
  | { kind: "whole"; body: Buffer; place: Place }
  | { kind: "too_large" }
  | { kind: "cut_short" }
  /** It comes in pieces so small that each costs more than it brings. */
  | { kind: "crumbs" }
  /** There is no room for it, or it was slow and gave way to others. */
  | { kind: "no_room" };

/** A body whose size nobody said begins with this room. */
const FIRST_BYTES = 32_000;
/** A megabyte in chunks of a byte is 165,000 of them: a quarter of a second of the processor, and 50 MB. Packets of the smallest networks are larger. */
const CRUMB_BYTES = 256;
const FREE_CHUNKS = 256;
/** Its chunks are joined, and dropped. */
const LARGE_BYTES = 64_000;

/**
 * The raw bytes, read from Node's own stream: a web `Request` in between costs a third of the accepts per second.
 * Stops reading at the limit, whatever `Content-Length` said. The room it takes is the caller's to give back when the body is whole.
 * @param options.onBegin the body will be read: where the sender waits to be asked for it, ask now.
 */
export function readBody(options: {
  incoming: IncomingMessage;
  maxBytes: number;
  room: Room;
  address: string;
  onBegin: () => void;
}): Promise<ReadBody> {
  const { incoming, maxBytes, room, address, onBegin } = options;
  const { "content-length": length } = incoming.headers;
  const declared = length === undefined ? FIRST_BYTES : Number(length);
  if (declared > maxBytes) return Promise.resolve({ kind: "too_large" });

  return new Promise((resolve) => {
    const place = room.take({ bytes: declared, address, onDisplaced: () => finish({ kind: "no_room" }) });
    if (!place) return resolve({ kind: "no_room" });
    let chunks: Buffer[] = [];
    let bytes = 0;
    const finish = (result: ReadBody) => {
      incoming.off("data", onData).off("end", onEnd).off("close", onClose).off("error", onClose);
      if (result.kind === "whole") {
        place.whole();
      } else {
        incoming.pause();
        place.leave();
      }
      chunks = [];
      if (bytes > LARGE_BYTES) droppedMemory(bytes);
      resolve(result);
    };
    const onData = (chunk: Buffer) => {
      bytes += chunk.byteLength;
      chunks.push(chunk);
      place.received(chunk.byteLength);
      if (bytes > maxBytes) finish({ kind: "too_large" });
      else if (chunks.length > FREE_CHUNKS && bytes < chunks.length * CRUMB_BYTES) finish({ kind: "crumbs" });
      else if (!place.grow(bytes)) finish({ kind: "no_room" });
    };
    const onEnd = () => finish({ kind: "whole", body: chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks), place });
    const onClose = () => finish({ kind: "cut_short" });
    incoming.on("data", onData).on("end", onEnd).on("close", onClose).on("error", onClose);
    onBegin();
  });
}
