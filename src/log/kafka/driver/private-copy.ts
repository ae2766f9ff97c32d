import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { compileFunction } from "node:vm";

const require = createRequire(import.meta.url);
const FOLDER = dirname(require.resolve("kafkajs/package.json"));

/** The modules of kafkajs, loaded for us alone. */
export interface PrivateCopy {
  /** The exports of a module, by its path in the package: `src/cluster`. */
  load<Exports>(path: string): Exports;
  /** Puts our exports in a module's place. Modules that were loaded before keep what they have. */
  replace(path: string, exports: unknown): void;
}

/**
 * Loads kafkajs apart from Node's cache of modules: what is changed in this copy, no other user of kafkajs in the process sees, and it does
 * not matter who loads it first. kafkajs has no dependencies and loads some of its modules only when it needs them; they come from here too.
 */
export function openPrivateCopy(): PrivateCopy {
  const modules = new Map<string, { exports: unknown }>();

  function load(file: string): unknown {
    const known = modules.get(file);
    if (known) return known.exports;
    const text = readFileSync(file, "utf8");
    const module: { exports: unknown } = { exports: {} };
    // Before it runs: two modules may require each other.
    modules.set(file, module);
    if (file.endsWith(".json")) module.exports = JSON.parse(text);
    else {
      const ofNode = createRequire(file);
      const ours = (id: string) => (id.startsWith(".") ? load(ofNode.resolve(id)) : ofNode(id));
      const run = compileFunction(text, ["exports", "require", "module", "__filename", "__dirname"], { filename: file });
      run.call(module.exports, module.exports, ours, module, file, dirname(file));
    }
    return module.exports;
  }

  const fileOf = (path: string) => require.resolve(join(FOLDER, path));
  return {
    load: <Exports>(path: string) => load(fileOf(path)) as Exports,
    replace: (path, exports) => void modules.set(fileOf(path), { exports }),
  };
}
