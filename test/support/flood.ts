/** Connections that want our memory, and never send what we want: the kinds of the security review's finding S01 and their kin. */
import { connect, type Socket } from "node:net";

const PATH = "/webhooks/voiceinfra";
const DECLARED = 1_000_000;
const SENT = 990_000;
/** Well formed, and of no secret. */
const SOME_SIGNATURE = "0".repeat(64);
const BODY = Buffer.alloc(SENT, "x");
/** One byte of body for six on the wire. */
const CRUMBS = Buffer.from("1\r\nx\r\n".repeat(SENT / 6));

const post = (...headers: string[]) => Buffer.from(`POST ${PATH} HTTP/1.1\r\nhost: x\r\n${headers.join("\r\n")}\r\n\r\n`);
const signature = `x-voiceinfra-signature: ${SOME_SIGNATURE}`;

/** What each connection writes; then it waits, as long as it is let. */
const FLOODS = {
  "no signature, 990,000 of 1,000,000 bytes": () => [post(`content-length: ${DECLARED}`), BODY],
  "a signature of no secret, 990,000 of 1,000,000 bytes": () => [post(signature, `content-length: ${DECLARED}`), BODY],
  "a signature of no secret, chunks of one byte without an end": () => [post(signature, "transfer-encoding: chunked"), CRUMBS],
  "a signature of no secret, 1,000,000 bytes announced and none sent": () => [post(signature, `content-length: ${DECLARED}`)],
  "a signature of no secret, 10 bytes announced and one sent": () => [post(signature, "content-length: 10"), Buffer.from("x")],
  "Expect: 100-continue, and the body all the same": () => [post(`content-length: ${DECLARED}`, "expect: 100-continue"), BODY],
  "a signature of no secret, 1,000,000 of 1,000,000 bytes": () => [
    post(signature, `content-length: ${DECLARED}`),
    BODY,
    Buffer.alloc(DECLARED - SENT, "x"),
  ],
  "no signature, chunks of one byte without an end": () => [post("transfer-encoding: chunked"), CRUMBS],
  "a head of 15,000 bytes without an end": () => [
    Buffer.from(`POST ${PATH} HTTP/1.1\r\nhost: x\r\n${Array.from({ length: 150 }, (_, n) => `x-${n}: ${"y".repeat(90)}`).join("\r\n")}`),
  ],
  "200 pipelined questions whose answers are not read": () => [
    Buffer.from(`GET /healthz HTTP/1.1\r\nhost: x\r\nx-filler: ${"y".repeat(400)}\r\n\r\n`.repeat(200)),
  ],
  "200 pipelined deliveries without a signature": () => [
    Buffer.concat(Array(200).fill(Buffer.concat([post("content-length: 2"), Buffer.from("{}")]))),
  ],
  "nothing at all": () => [],
} satisfies Record<string, () => Buffer[]>;

export type FloodKind = keyof typeof FLOODS;
export const FLOOD_KINDS = Object.keys(FLOODS) as FloodKind[];

export interface Flood {
  /** First lines of the answers, and how many got each; `cut off` for a connection that was closed without one. */
  answers: Map<string, number>;
  /** Connections that are still open. */
  open(): number;
  close(): void;
}

/** Opens the connections and resolves when each has written everything, or as much as it is let, or was closed. */
export async function startFlood(options: {
  port: number;
  kind: FloodKind;
  connections: number;
  writtenWithinMs?: number;
}): Promise<Flood> {
  const { port, kind, connections, writtenWithinMs = 5_000 } = options;
  const parts = FLOODS[kind]();
  const neverReads = kind.includes("not read");
  const sockets = new Set<Socket>();
  const answers = new Map<string, number>();
  const count = (what: string) => answers.set(what, (answers.get(what) ?? 0) + 1);

  const one = () =>
    new Promise<void>((resolve) => {
      const socket = connect(port, "127.0.0.1");
      let answer = "";
      sockets.add(socket);
      const timer = setTimeout(resolve, writtenWithinMs);
      const done = () => {
        clearTimeout(timer);
        resolve();
      };
      socket.once("connect", () => {
        for (const part of parts) socket.write(part);
        socket.write("", done);
      });
      if (neverReads) socket.pause();
      else
        socket.on("data", (chunk) => {
          if (!answer.includes("\r\n")) answer += chunk.toString("latin1");
        });
      socket.on("error", () => undefined);
      socket.on("close", () => {
        sockets.delete(socket);
        count(answer.split("\r\n", 1)[0] || "cut off");
        done();
      });
    });

  for (let n = 0; n < connections; n += 100) await Promise.all(Array.from({ length: Math.min(100, connections - n) }, one));
  return {
    answers,
    open: () => sockets.size,
    close() {
      for (const socket of sockets) socket.destroy();
    },
  };
}
