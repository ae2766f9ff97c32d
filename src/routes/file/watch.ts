import { readRoutesFile } from "./read-file.ts";

/** An edit takes effect within two seconds; half of that is for loading it. */
const LOOK_EVERY_MS = 700;

/** A refused file may be right later without an edit: a variable was added to `.env`, a secret's file mounted. */
const RETRY_REFUSED_MS = 5_000;

/**
 * Reads the file periodically and reports when its text changes: also when a symlink is swapped (Kubernetes), when an editor puts another
 * file in its place, and when it vanishes for a moment. Watching by the system's events sees none of these on every platform.
 */
export function watchRoutesFile(options: {
  path: string;
  /** The text in use. */
  text: string;
  /** Resolves with whether the text is in use now. A refused text is offered again every five seconds. */
  onText(text: string): Promise<boolean>;
  /** It cannot be read; reported once until it can. */
  onUnreadable(error: unknown): void;
}): { stop(): Promise<void> } {
  const { path, onText, onUnreadable } = options;
  let text = options.text;
  let isUsed = true;
  let isUnreadable = false;
  let retryAtMs = 0;
  let running: Promise<void> = Promise.resolve();
  let busy = false;

  async function look(): Promise<void> {
    let now: string;
    try {
      now = readRoutesFile(path);
      isUnreadable = false;
    } catch (error) {
      if (!isUnreadable) onUnreadable(error);
      isUnreadable = true;
      isUsed = false;
      return;
    }
    if (now === text && (isUsed || performance.now() < retryAtMs)) return;
    text = now;
    isUsed = false;
    retryAtMs = performance.now() + RETRY_REFUSED_MS;
    isUsed = await onText(now);
  }

  const timer = setInterval(() => {
    if (busy) return;
    busy = true;
    running = look()
      .catch(onUnreadable)
      .finally(() => {
        busy = false;
      });
  }, LOOK_EVERY_MS);

  return {
    async stop() {
      clearInterval(timer);
      await running;
    },
  };
}
