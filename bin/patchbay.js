#!/usr/bin/env node
// Plain JavaScript for any Node: says what to do on one that is too old, then hands over.
import { existsSync } from "node:fs";

const [major] = process.versions.node.split(".").map(Number);
if (major < 26) {
  console.error(`patchbay needs Node 26 or newer; this is ${process.version}.`);
  console.error("Install it, or run through npm scripts in a checkout (npm run -s patchbay -- <command>), which bring their own.");
  process.exit(2);
}

// A checkout runs from its sources. The published package is compiled, since Node strips no types below node_modules.
const sources = new URL("../src/cli.ts", import.meta.url);
await import(existsSync(sources) ? sources.href : new URL("../dist/src/cli.js", import.meta.url).href);
