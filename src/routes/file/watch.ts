import { readRoutesFile } from "./read-file.ts";

/** An edit takes effect within two seconds; half of that is for loading it. */
const LOOK_EVERY_MS = 700;

/**
 * Reads the file again and again, and tells when its text changes: also when a symlink is swapped (Kubernetes), when an editor puts another
 * file in its place, and when it vanishes for a moment. Watching by the system's events sees none of these on every platform.
 */
export function watchRoutesFile(options: {
  path: string;
  /** The text in use. */
  text: string;
  onText(text: string): Promise<void>;
  /** It cannot be read; told once until it can. */
  onUnreadable(error: unknown): void;
}): { stop(): Promise<void> } {
  const { path, onText, onUnreadable } = options;
  let text = options.text;
  let unreadable = false;
  let running: Promise<void> = Promise.resolve();
  let busy = false;

  async function look(): Promise<void> {
    let now: string;
    try {
      now = readRoutesFile(path);
      unreadable = false;
    } catch (error) {
      if (!unreadable) onUnreadable(error);
      unreadable = true;
      return;
    }
    if (now === text) return;
    text = now;
    await onText(now);
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
