import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";

/** Which of these texts lie in the bytes of which files of a folder, whatever the files are: `patchbay.db-wal: Dana`. */
export function rawFinds(folder: string, texts: string[]): string[] {
  const wanted = texts.map((text) => ({ text, bytes: Buffer.from(text) }));
  return filesIn(folder).flatMap((path) => {
    const content = readNow(path);
    const found = wanted.filter(({ bytes }) => content.includes(bytes));
    const more = found.length > 3 ? ` and ${found.length - 3} more` : "";
    return found.length === 0 ? [] : [`${relative(folder, path)}: ${found.slice(0, 3).map(({ text }) => text)}${more}`];
  });
}

/** A process may remove it meanwhile. */
function readNow(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return Buffer.alloc(0);
    throw error;
  }
}

function filesIn(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    // A process may remove it meanwhile.
    const stats = statSync(path, { throwIfNoEntry: false });
    if (!stats) return [];
    return stats.isDirectory() ? filesIn(path) : stats.isFile() ? [path] : [];
  });
}
