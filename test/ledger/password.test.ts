import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { withPassword } from "../../src/ledger/password.ts";
import { readUrl } from "../../src/ledger/postgres/url.ts";
import { runPatchbay } from "../support/patchbay-process.ts";
import { closedPort } from "../support/ports.ts";

const folder = mkdtempSync(join(tmpdir(), "patchbay-password-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const URL_WITHOUT = "postgres://patchbay@db:5432/patchbay";
const HARD = ["p@ss/word", "a@b@c", "//", "%41", "100%", "a:b", "?schema=x", "#1", "$HOME ${x}", " inner blank ", "'quoted\"", "gr\u00fcn"];

describe("the ledger's password beside its URL", () => {
  test.each(HARD)("may be %j", (password) => {
    expect(readUrl(withPassword(URL_WITHOUT, { password }))).toMatchObject({
      name: "postgres://db:5432/patchbay",
      login: { host: "db", port: 5432, user: "patchbay", password, database: "patchbay" },
    });
  });

  test.each(["\n", "\r\n", ""])("in a file that ends with %j", (end) => {
    const file = join(folder, "password");
    writeFileSync(file, `p@ss/word$${end}`);
    expect(readUrl(withPassword(`${URL_WITHOUT}?schema=calls`, { file }))).toMatchObject({
      schema: "calls",
      login: { password: "p@ss/word$" },
    });
  });

  test("without a user in the URL, with a host in brackets, and beside an embedded ledger", () => {
    expect(readUrl(withPassword("postgres://[::1]:5/db", { password: "x" })).login).toEqual({
      host: "::1",
      port: 5,
      password: "x",
      database: "db",
    });
    expect(withPassword("sqlite:data/ledger.db", { password: "x" })).toBe("sqlite:data/ledger.db");
    expect(withPassword(URL_WITHOUT, {})).toBe(URL_WITHOUT);
  });

  test.each<[string, string, Parameters<typeof withPassword>[1], RegExp]>([
    ["two passwords", "postgres://u:hunter2@db/x", { password: "hunter3" }, /has a password/],
    ["a password with / in the URL as well", "postgres://u:hun/ter2@db/x", { password: "hunter3" }, /has a password/],
    ["a variable and a file", URL_WITHOUT, { password: "hunter3", file: "x" }, /are both set/],
    ["a file that is not there", URL_WITHOUT, { file: "/nowhere/password" }, /the file of the ledger's password .*nowhere/],
    ["a file that is empty", URL_WITHOUT, { file: "/dev/null" }, /\/dev\/null is empty/],
  ])("is refused, and not quoted: %s", (_, url, given, says) => {
    expect(() => withPassword(url, given)).toThrow(says);
    expect(() => withPassword(url, given)).not.toThrow(/hun|ter2|hunter3/);
  });
});

describe("a password in the URL", () => {
  test.each(["p@ss/word", "p/w", "12/34", "p@12/34"])("works with %j as it is", (password) => {
    expect(readUrl(`postgres://u:${password}@db:5432/x?schema=calls`)).toMatchObject({
      name: "postgres://db:5432/x",
      schema: "calls",
      login: { user: "u", password, host: "db", database: "x" },
    });
  });

  test("an @ in an option is the option's", () => {
    expect(readUrl("postgres://db/x?user=me@server")).toMatchObject({ name: "postgres://db:5432/x", login: { user: "me@server" } });
  });
});

test.each(["piece1@piece2/piece3", "piece1/piece2", "12/piece2", "piece1?piece2", "piece1#piece2", "piece1@piece2?piece3", "1@2:3/piece"])(
  "no piece of %s is printed, whichever way it is given",
  async (password) => {
    const port = await closedPort();
    const env = { PATCHBAY_LOG: `sqlite:${folder}/log.db` };
    writeFileSync(join(folder, "routes.yaml"), "version: 1\nsources: { v: { allow_unsigned: true } }\ndestinations: {}\nroutes: []\n");
    const ways: Record<string, string>[] = [
      { PATCHBAY_LEDGER: `postgres://u:${password}@127.0.0.1:${port}/x` },
      { PATCHBAY_LEDGER: `postgres://u@127.0.0.1:${port}/x`, PATCHBAY_LEDGER_PASSWORD: password },
    ];
    for (const more of ways) {
      const { code, stdout, stderr } = await runPatchbay({ args: ["audit"], cwd: folder, env: { ...env, ...more } });
      expect([2, 3]).toContain(code);
      expect(stdout + stderr).not.toMatch(/piece/);
    }
  },
);
