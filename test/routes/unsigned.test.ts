import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createVerifiers, type IngressSource } from "../../src/ingress/verify.ts";
import { loadIngressSources } from "../../src/routes/index.ts";
import { env, file, load, problems, warnings } from "./support/load.ts";

const routes = "  - { id: a, to: crm }\n  - { id: b, to: chat, with: { channel: C1 } }";
const SECRETS = 'secrets: ["${WEBHOOK_SECRET}"], ';
const source = (settings: string) => file(routes, { sources: `  main: { ${settings} }` });

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.parse("2026-11-27T12:00:00Z") });
});
afterEach(() => {
  vi.useRealTimers();
});

describe("a source that takes calls without a signature", () => {
  test("is a warning at each load", () => {
    expect(warnings({ text: source("allow_unsigned: true") })).toEqual([
      '3:27 warning anybody who knows the address can send calls to "main": it takes them without a signature — Give it secrets. If that is for the move to a secret only, name its last day: allow_unsigned: until 2026-12-27.',
    ]);
    expect(warnings({ text: source(`${SECRETS}allow_unsigned: false`) })).toEqual([]);
  });

  test("for ever, beside secrets, is refused: they would protect nothing", () => {
    expect(problems({ text: source(`${SECRETS}allow_unsigned: true`) })).toEqual([
      '3:59 the secrets of "main" protect nothing: it takes calls without a signature, too — If that is for the move to a secret only, name its last day: allow_unsigned: until 2026-12-27.',
    ]);
    expect(() => loadIngressSources({ path: "routes.yaml", text: source(`${SECRETS}allow_unsigned: true`), env })).toThrow("1 problem");
  });

  test("until a day, beside secrets, is a warning until then", () => {
    expect(warnings({ text: source(`${SECRETS}allow_unsigned: until 2026-12-15`) })).toEqual([
      '3:59 warning until the end of 2026-12-15 (UTC) anybody who knows the address can send calls to "main" — Take allow_unsigned away as soon as VoiceInfra signs.',
    ]);
    expect(warnings({ text: source(`${SECRETS}allow_unsigned: until 2036-12-15`) })).toEqual([
      expect.stringContaining("That is far away for a move."),
    ]);
    expect(warnings({ text: source("allow_unsigned: until 2026-12-15") })).toEqual([
      expect.stringContaining("It has no secrets: from then on it refuses everything."),
    ]);
  });

  test("until a day that is over: a warning beside secrets, and refused without them", () => {
    expect(warnings({ text: source(`${SECRETS}allow_unsigned: until 2026-11-26`) })).toEqual([
      "3:59 warning this day is over: deliveries without a signature are refused — Take allow_unsigned away.",
    ]);
    expect(problems({ text: source("allow_unsigned: until 2026-11-26") })).toEqual([
      '3:27 this day is over, and "main" has no secrets: it takes nothing any more — Give it secrets.',
    ]);
  });

  test.each(["until 2027-02-30", "until 31.01.2027", "2027-01-31", "until", "until tomorrow", "until 2027-1-31", '"yes please"'])(
    "not: %s",
    (value) => {
      expect(problems({ text: source(`${SECRETS}allow_unsigned: ${value}`) })).toEqual([
        expect.stringContaining('3:59 "allow_unsigned" must be true, false, or "until" and a day, such as: until 2027-01-31'),
      ]);
    },
  );

  test("yes is text in YAML 1.2", () => {
    expect(problems({ text: source("allow_unsigned: yes") })).toEqual([
      expect.stringContaining('3:27 "allow_unsigned" must be true: yes and on are plain text in YAML 1.2'),
    ]);
  });
});

describe("the ingress, in the middle of a move", () => {
  const text = source(`${SECRETS}allow_unsigned: until 2026-12-15`);
  const body = Buffer.from("{}");

  test("takes unsigned calls to the last moment of the day, and refuses them from then on, without being started again", () => {
    const [main] = loadIngressSources({ path: "routes.yaml", text, env });
    const { verifier } = createVerifiers([main as IngressSource])("main");
    const unsigned = () => verifier.refuseByHead(undefined) ?? verifier.verify({ signature: undefined, body });
    vi.setSystemTime(Date.parse("2026-12-15T23:59:59.999Z"));
    expect(unsigned()).toEqual({ ok: true, secretIndex: undefined });
    vi.setSystemTime(Date.parse("2026-12-16T00:00:00Z"));
    expect(unsigned()).toMatchObject({ code: "signature_missing" });
    expect(verifier.verify({ signature: undefined, body })).toMatchObject({ ok: false, code: "signature_missing" });
  });

  test("refuses a wrong signature all the time", () => {
    const [main] = load({ text }).sources;
    const { verifier } = createVerifiers([main as IngressSource])("main");
    expect(verifier.verify({ signature: "0".repeat(64), body })).toMatchObject({ ok: false, code: "signature_wrong" });
  });
});
