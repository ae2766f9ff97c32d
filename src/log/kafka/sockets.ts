import { connect, isIP, Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { ISocketFactory } from "./driver/types.ts";

const KEEP_ALIVE_AFTER_MS = 60_000;

/**
 * The sockets of one client. kafkajs waits for answers before it closes one, and reconnects from retries that nobody can stop;
 * `destroy` ends them all and lets no new one come, so that a closed log leaves nothing behind.
 */
export function createSockets(): { factory: ISocketFactory; destroy(): void } {
  const open = new Set<Socket>();
  let destroyed = false;

  return {
    factory({ host, port, ssl, onConnect }) {
      if (destroyed) return refused();
      const socket = ssl
        ? connectTls({ host, port, ...(isIP(host) ? {} : { servername: host }), ...ssl }, onConnect)
        : connect({ host, port }, onConnect);
      socket.setKeepAlive(true, KEEP_ALIVE_AFTER_MS);
      // Without it the last piece of a request may wait for the answer to the one before (Nagle).
      socket.setNoDelay(true);
      open.add(socket);
      socket.once("close", () => open.delete(socket));
      return socket;
    },
    destroy() {
      destroyed = true;
      for (const socket of open) socket.destroy(new Error("the log is closed"));
    },
  };
}

function refused(): Socket {
  const socket = new Socket();
  setImmediate(() => socket.destroy(new Error("the log is closed")));
  return socket;
}
