import { describe, expect, test } from "vitest";
import { certify } from "../../src/certify/certify.ts";
import { KINDS, type ProblemKind } from "../../src/certify/report.ts";
import { BAD_FAULTS, type BadFault } from "../support/bad-connector/faults.ts";
import { badConnector } from "../support/bad-connector/index.ts";

const subjectWith = (fault: BadFault) => ({
  connector: badConnector(fault),
  named: "test/support/bad-connector/index.ts",
  cwd: process.cwd(),
});

/** Which case finds what; `prints the call` needs a process of its own, and is found in test/processes/certify-kill.test.ts. */
const FOUND_BY: Record<Exclude<BadFault, `none${string}` | "prints the call">, [caseName: string, ProblemKind][]> = {
  "takes 429 for delivered": [
    ["429 with Retry-After", "lost"],
    ["429 without Retry-After", "wrong class"],
  ],
  "waits less than Retry-After says": [
    ["429 with Retry-After", "wrong class"],
    ["a dozen calls within the limits", "limits broken"],
  ],
  "tries again by itself": [
    ["429 with Retry-After", "limits broken"],
    ["a dozen calls within the limits", "limits broken"],
    ["5xx", "wrong class"],
  ],
  "tries again by itself, a batch at a time": [["a dozen calls within the limits", "limits broken"]],
  "gives a call up on 5xx": [
    ["5xx", "wrong class"],
    ["5xx after it was carried out", "lost"],
  ],
  "takes a page of HTML with 200 for delivered": [
    ["HTML with 200, not carried out", "lost"],
    ["JSON of another shape with 200", "wrong class"],
  ],
  "says rejected when its token has expired": [["expired token", "wrong class"]],
  "gives every call of a batch the first one's outcome": [
    ["one of a batch is refused", "lost"],
    ["a batch, a record each", "lost"],
  ],
  "mixes up whose record is whose": [["a batch, a record each", "lost"]],
  "sends a key once that comes twice, and refuses the other": [["the same key twice in a batch", "lost"]],
  "creates instead of upserting": [
    ["delivered, and nobody heard", "doubled"],
    ["time-out after it was carried out", "doubled"],
    ["half a body", "doubled"],
  ],
  "blanks what an update lacks": [["late summary", "lost"]],
  "quotes what the vendor says": [["400 that quotes the call", "leaked"]],
  "puts the number into its receipts": [["a batch, a record each", "leaked"]],
  "takes a look-up without an answer for nothing there": [["a look-up goes wrong", "doubled"]],
  "tries again what may have arrived": [
    ["half a head", "doubled"],
    ["closed without an answer, carried out", "doubled"],
  ],
  "writes anew what it could not read": [["a request that does not write goes wrong", "lost"]],
  "ignores the signal": [["time-out after it was carried out", "wrong class"]],
  "answers for fewer calls than it was given": [["a batch, a record each", "wrong class"]],
  "follows an answer to another host": [
    ["redirected to another host by the first request", "leaked"],
    ["redirected to another host by the first write", "leaked"],
  ],
};

describe("a connector with one fault does not pass, and the case that finds it says so", () => {
  test.each<[BadFault, notOffered: string[]]>([
    ["none", ["it is deleted, others stay", "a look-up finds what is there, and nothing else", "a look-up goes wrong"]],
    ["none, with a look-up", ["it is deleted, others stay", "the same key twice in a batch"]],
    [
      "none, without protection",
      [
        "it is deleted, others stay",
        "the same key twice in a batch",
        "a look-up finds what is there, and nothing else",
        "a look-up goes wrong",
      ],
    ],
    ["none, updates answer 204", ["it is deleted, others stay", "a look-up finds what is there, and nothing else", "a look-up goes wrong"]],
  ])("%s: it passes every case, so that what is found below is the fault", async (fault, notOffered) => {
    const { cases, passed } = await certify({ subject: subjectWith(fault), kills: false });
    expect(cases.flatMap(({ name, problems }) => problems.map(({ kind, text }) => `${name}: ${kind}: ${text}`))).toEqual([]);
    expect(passed).toBe(true);
    expect(cases.flatMap((one) => (one.notOffered === undefined ? [] : [one.name]))).toEqual(notOffered);
  });

  test.each(Object.entries(FOUND_BY))("%s", async (fault, expected) => {
    const only = expected.map(([name]) => name);
    const certificate = await certify({ subject: subjectWith(fault as BadFault), kills: false, only });
    expect(certificate.passed).toBe(false);
    for (const [name, kind] of expected) {
      const found = certificate.cases.find((one) => one.name === name)?.problems.map((problem) => problem.kind);
      expect(found, name).toContain(kind);
    }
  });

  test("every fault has its case", () => {
    expect(Object.keys(FOUND_BY).toSorted()).toEqual(BAD_FAULTS.filter((fault) => !/^none|^prints/.test(fault)).toSorted());
  });

  test("every kind of problem is found in one of them", () => {
    const kinds = new Set(Object.values(FOUND_BY).flatMap((expected) => expected.map(([, kind]) => kind)));
    expect(kinds).toEqual(new Set(KINDS));
  });
});
