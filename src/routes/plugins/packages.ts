import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

/** Whether a package can be imported here, with all that it imports itself: it is loaded. */
export function isInstalled(name: string): boolean {
  try {
    require(name);
    return true;
  } catch {
    return false;
  }
}

/** How to have a package that Patchbay does not bring, in a checkout and in its image. */
export function installHint(name: string): string {
  return `Beside Patchbay: npm install ${name}. The image that Patchbay's Dockerfile makes has it: build that again (docker compose build).`;
}
