/**
 * A closed loop of signed webhooks over keep-alive connections, as a process of its own:
 *   node bench/load.ts <port> <requests> <connections> <secret>
 * Raw sockets and requests made beforehand keep its own share of the processor small. Prints one line of JSON.
 */
import { createHmac } from "node:crypto";
import { connect } from "node:net";
import { benchCall } from "./call.ts";

const [port = 0, requests = 0, connections = 0] = process.argv.slice(2, 5).map(Number);
const secret = process.argv[5] ?? "";

function makeRequest(index: number): Buffer {
  const body = benchCall(`bench_${process.pid}_${index}`);
  const signature = createHmac("sha256", secret).update(body).digest("hex");
  const head = `POST /webhooks/voiceinfra HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\nx-voiceinfra-signature: ${signature}\r\ncontent-length: ${body.byteLength}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}

const prepared = Array.from({ length: requests }, (_, index) => makeRequest(index));
const tookMs: number[] = [];
const statuses: Record<string, number> = {};
let next = 0;

function runConnection(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    let sentAtMs = 0;
    let received = "";
    const send = () => {
      const request = prepared[next];
      next += 1;
      if (!request) {
        socket.end();
        return resolve();
      }
      sentAtMs = performance.now();
      socket.write(request);
    };
    socket.on("connect", send);
    socket.on("error", reject);
    socket.on("data", (chunk) => {
      received += chunk.toString("latin1");
      const headEnd = received.indexOf("\r\n\r\n");
      if (headEnd < 0) return;
      const length = Number(/content-length: (\d+)/i.exec(received)?.[1] ?? 0);
      if (received.length < headEnd + 4 + length) return;
      tookMs.push(performance.now() - sentAtMs);
      const status = received.slice(9, 12);
      statuses[status] = (statuses[status] ?? 0) + 1;
      received = "";
      send();
    });
  });
}

const startedAtMs = performance.now();
await Promise.all(Array.from({ length: connections }, runConnection));
const seconds = (performance.now() - startedAtMs) / 1000;
tookMs.sort((a, b) => a - b);
const quantile = (q: number) => tookMs[Math.min(tookMs.length - 1, Math.floor(tookMs.length * q))] ?? Number.NaN;
console.log(
  JSON.stringify({
    seconds,
    perSecond: tookMs.length / seconds,
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
    maxMs: quantile(1),
    statuses,
  }),
);
