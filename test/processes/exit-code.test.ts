import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const run = promisify(execFile);
const ROOT = resolve(import.meta.dirname, "../..");

test("a test run that failed says so by its exit code, also after a PostgreSQL was started in it", async () => {
  const program = 'import "./test/support/postgres.ts"; process.exitCode = 1;';
  await expect(run(process.execPath, ["--input-type=module-typescript", "--eval", program], { cwd: ROOT })).rejects.toMatchObject({
    code: 1,
  });
});
