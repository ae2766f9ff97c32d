import type { ServerResponse } from "node:http";
import { certifyRecord } from "./calls.ts";
import type { WireFault } from "./faults.ts";
import { POISON } from "./leaks.ts";

const JSON_TYPE = { "content-type": "application/json" };

/** Answers as no API documents. `text` is the sandbox's own answer, "" where it was not asked. */
export function injectWireFault(options: {
  how: WireFault;
  text: string;
  response: ServerResponse;
  /** Of an answer in time, and of one that is too late. */
  slowMs: number;
  lateMs: number;
  /** Answers as the sandbox did. */
  answer(): void;
}): void {
  const { how, text, response, slowMs, lateMs, answer } = options;
  const { socket } = response;
  switch (how) {
    case "never answers":
      return;
    case "answers slowly":
      setTimeout(answer, slowMs);
      return;
    case "answers late":
      setTimeout(answer, lateMs).unref();
      return;
    case "half a body":
      response.writeHead(200, { ...JSON_TYPE, "content-length": Buffer.byteLength(text) });
      response.write(text.slice(0, Math.floor(text.length / 2)), () => socket?.destroy());
      return;
    case "half a head":
      socket?.end("HTTP/1.1 200 OK\r\ncontent-ty");
      return;
    case "closes":
      socket?.resetAndDestroy();
      return;
    case "HTML":
      response.writeHead(200, { "content-type": "text/html" }).end(`<html><body>${POISON}</body></html>`);
      return;
    case "empty":
      response.writeHead(200, JSON_TYPE).end();
      return;
    case "other JSON":
      response.writeHead(200, JSON_TYPE).end(JSON.stringify({ hello: ["world", POISON] }));
      return;
    case "quotes": {
      const { from_number, summary } = certifyRecord();
      const message = `${from_number} is not valid: ${summary} ${POISON}`;
      response.writeHead(400, JSON_TYPE).end(JSON.stringify({ status: "error", message, error: message, errors: [{ message }] }));
      return;
    }
    case "drips": {
      response.writeHead(200, { ...JSON_TYPE, "content-length": Buffer.byteLength(text) });
      let at = 0;
      const drip = setInterval(() => {
        if (response.destroyed || at >= text.length) return clearInterval(drip);
        response.write(text[at]);
        at += 1;
      }, 1_000).unref();
      return;
    }
  }
}
