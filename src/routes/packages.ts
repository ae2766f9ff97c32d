import { findPackageJSON } from "node:module";

/** Whether a package can be imported here. */
export function isInstalled(name: string): boolean {
  try {
    return findPackageJSON(name, import.meta.url) !== undefined;
  } catch {
    return false;
  }
}

/** How to have a package that Patchbay does not bring, in a checkout and in its image. */
export function installHint(name: string): string {
  return `Beside Patchbay: npm install ${name}. In its image: a Dockerfile of your own with FROM patchbay, USER root, RUN npm install --no-save ${name}, USER 1000:1000.`;
}
