import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { droppedMemory } from "../lib/process/dropped-memory.ts";

/** So long, and by so many at once, the sender of a body that nobody wants may hold its connection to read why. */
const LINGER_MS = 1_000;
const MOST_LINGERING = 64;
/** Node has read so much of a large body before anybody looks at its head. */
const READ_BYTES = 65_536;
/** What Node makes for each head. */
const REQUEST_BYTES = 6_000;

export interface Reply {
  incoming: IncomingMessage;
  outgoing: ServerResponse;
  status: number;
  headers?: Record<string, string>;
  body: unknown;
}

export interface Responder {
  /**
   * Answers with JSON, straight to Node's response: a web `Response` in between costs an eighth of the accepts per second.
   * Where the body was not read to its end, not a byte more is: the connection closes, so that nobody goes on sending at our cost and what is
   * left is not taken for the next request.
   */
  respond(reply: Reply): void;
  /** Something came behind the last request of this connection: its sender does not wait to read an answer. */
  ignore(incoming: IncomingMessage): void;
}

/**
 * @param options.mustClose whether the connection closes after this answer in any case.
 * @param options.onClosing it does: nothing more of it will be answered.
 */
export function createResponder(options: {
  mustClose: (request: IncomingMessage) => boolean;
  onClosing: (request: IncomingMessage) => void;
}): Responder {
  const { mustClose, onClosing } = options;
  const lingering = new Map<Socket, () => void>();

  /**
   * Closing over bytes that were not read makes the kernel send a reset, and a sender who still writes would not see our answer
   * (RFC 9112 §9.6). So the answer goes out, and the connection closes a moment later.
   */
  function endSoon({ incoming: { socket }, outgoing }: Reply): void {
    const end = () => {
      clearTimeout(timer);
      lingering.delete(socket);
      outgoing.end();
    };
    const timer = setTimeout(end, LINGER_MS).unref();
    lingering.set(socket, end);
  }

  return {
    respond(reply) {
      const { incoming, outgoing, status, headers = {}, body } = reply;
      const text = `${JSON.stringify(body)}\n`;
      const unread = !incoming.complete && hasBody(incoming);
      const head: Record<string, string> = {
        "content-type": "application/json",
        // Without it Node would send the text in chunks, in a system call of its own.
        "content-length": String(Buffer.byteLength(text)),
        ...headers,
      };
      if (unread || mustClose(incoming)) {
        head.connection = "close";
        onClosing(incoming);
      }
      outgoing.writeHead(status, head);
      if (unread) stopReading(incoming);
      if (!unread || lingering.size >= MOST_LINGERING) {
        outgoing.end(text);
      } else {
        outgoing.write(text);
        endSoon(reply);
      }
    },
    ignore(incoming) {
      // When the connection closes, Node destroys each with an error of its own, whose stack costs more than the request.
      incoming.destroy = () => incoming;
      droppedMemory(REQUEST_BYTES);
      incoming.socket.pause();
      lingering.get(incoming.socket)?.();
    },
  };
}

/** Node's parser offers each piece of a body to `push`, and stops reading the connection when it is not taken. */
function stopReading(incoming: IncomingMessage): void {
  incoming.push = () => false;
  droppedMemory(READ_BYTES);
}

function hasBody({ headers }: IncomingMessage): boolean {
  return "transfer-encoding" in headers || Number(headers["content-length"] ?? 0) > 0;
}
