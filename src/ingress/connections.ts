import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { droppedMemory } from "../lib/process/dropped-memory.ts";

/** What one costs while a head comes in. */
const CONNECTION_BYTES = 50_000;
/** Connections without a request, between two or while a head comes in. */
const MOST_IDLE = 1_000;
/** Those with one hold a body, of which `Room` keeps count, or wait for an answer that is short. */
const MOST = 3_000;
/** Requests that one connection may send without waiting for answers. Proxies and libraries send one; each that waits costs some 3 kB. */
const MOST_PIPELINED = 32;

export interface Connections {
  /** A new one. Beyond the limit, one that waits without a request is closed for it, or else it itself. */
  opened(socket: Socket): void;
  /** A request's head has come; `false`: the connection is closing, and nothing is to be done for it. */
  begins(request: IncomingMessage): boolean;
  /** It is answered. */
  ends(request: IncomingMessage): void;
  /** Its connection closes after its answer. */
  isLast(request: IncomingMessage): boolean;
  /** What comes behind it on its connection is not answered. */
  closesAfter(request: IncomingMessage): void;
  readonly count: number;
}

interface State {
  underWay: number;
  last: IncomingMessage | undefined;
}

/**
 * Keeps the number of connections bounded without closing the door: the one that has been idle for the longest gives way to a new one.
 * An honest sender's request comes within a round trip, so that it is not the one. There is no limit by address: behind a proxy all
 * connections have the same.
 * @param options.displaceSlow makes room where every connection has a request under way.
 */
export function createConnections(options: {
  displaceSlow: () => boolean;
  onDisplaced: () => void;
  mostIdle?: number;
  most?: number;
}): Connections {
  const { displaceSlow, onDisplaced, mostIdle = MOST_IDLE, most = MOST } = options;
  const all = new Map<Socket, State>();
  /** Without a request, the longest first. */
  const idle = new Set<Socket>();

  function forget(socket: Socket): void {
    all.delete(socket);
    idle.delete(socket);
  }

  return {
    opened(socket) {
      if (idle.size >= mostIdle || all.size >= most) {
        onDisplaced();
        droppedMemory(CONNECTION_BYTES);
        const [longest] = idle;
        if (longest) forget(longest);
        else if (!displaceSlow()) return void socket.destroy();
        longest?.destroy();
      }
      all.set(socket, { underWay: 0, last: undefined });
      idle.add(socket);
      socket.once("close", () => forget(socket));
    },
    begins(request) {
      const { socket } = request;
      const state = all.get(socket);
      if (!state || state.last) return false;
      state.underWay += 1;
      if (state.underWay === 1) idle.delete(socket);
      if (state.underWay >= MOST_PIPELINED) state.last = request;
      return true;
    },
    ends({ socket }) {
      const state = all.get(socket);
      if (!state) return;
      state.underWay -= 1;
      if (state.underWay === 0) idle.add(socket);
    },
    isLast: (request) => all.get(request.socket)?.last === request,
    closesAfter(request) {
      const state = all.get(request.socket);
      if (state) state.last ??= request;
    },
    get count() {
      return all.size;
    },
  };
}
