import { overwriteLine } from "../lib/process/output.ts";

/** One line on stderr that is written over; nothing where stderr is no terminal. */
export function createProgress(options: { enabled: boolean }): { show(text: string): void; clear(): void } {
  const { stderr } = process;
  const enabled = options.enabled && stderr.isTTY;
  let shownAtMs = 0;
  let shown = false;
  return {
    show(text) {
      const nowMs = performance.now();
      if (!enabled || nowMs - shownAtMs < 100) return;
      shownAtMs = nowMs;
      shown = true;
      overwriteLine(text.slice(0, (stderr.columns || 80) - 1));
    },
    clear() {
      if (shown) overwriteLine("");
      shown = false;
    },
  };
}

/** `[#####.....] 50 %`, for a known end. */
export function bar(done: number, of: number): string {
  const share = of <= 0 ? 1 : Math.min(1, done / of);
  const filled = Math.round(share * 20);
  return `[${"#".repeat(filled)}${".".repeat(20 - filled)}] ${Math.floor(share * 100)} %`;
}
