import { inject } from "vitest";
import "./setup.ts";

/** A folder with what was fetched, and what stands in a test's name where it could not be. */
export function outside(name: keyof ReturnType<typeof all>): { folder: string; skipped: boolean; note: string } {
  const fetched = all()[name];
  return "missing" in fetched
    ? { folder: "", skipped: true, note: ` (SKIPPED: ${fetched.missing})` }
    : { folder: fetched.folder, skipped: false, note: "" };
}

const all = () => inject("outside");
