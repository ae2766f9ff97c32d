import { describe, expect, test } from "vitest";
import { file, load, problems, warnings } from "./support/load.ts";

const chat = "  - { id: z, to: chat, with: { channel: C1 } }";

describe("a condition is asked for sample calls when the file is loaded", () => {
  const withWhen = (when: string) => file(`  - id: a\n    to: crm\n    when: |\n      ${when}\n${chat}`);

  test("what fails on a call without what is optional is a warning that says which call", () => {
    expect(warnings({ text: withWhen('summary.substring(0, 10) == "Left a mes"') })).toEqual([
      "13:11 warning this condition fails on a failed call, without summary, transcript and recording: such a call becomes a dead letter — Look at the length first: size(summary) >= 10 && summary.substring(0, 10) == …",
    ]);
    expect(warnings({ text: withWhen('size(summary) >= 10 && summary.substring(0, 10) == "Left a mes"') })).toEqual([]);
    expect(warnings({ text: withWhen('customer_number.substring(0, 3) == "+49"') })).toEqual([
      expect.stringContaining("this condition fails on a call with a withheld number"),
    ]);
    expect(warnings({ text: withWhen('recording_url.split("/")[4].startsWith("x")') })).toEqual([]);
    expect(warnings({ text: withWhen("1000 / duration_seconds > 5") })).toEqual([
      expect.stringContaining("this condition fails on a failed call"),
    ]);
  });

  test("what fails on each of them is a warning, too: nobody knows the texts of real calls", () => {
    expect(warnings({ text: withWhen('call_id.substring(400, 410) == "x"') })).toEqual([
      expect.stringContaining("13:11 warning this condition fails on every sample call: such a call becomes a dead letter"),
    ]);
  });

  test("what asks metadata may work on real calls", () => {
    expect(warnings({ text: withWhen("metadata.score > 5 && metadata.tags[0] == 5 && metadata.when.getHours() > 3") })).toEqual([]);
  });

  test("of an agent of the file, too: a condition that only its calls reach", () => {
    expect(warnings({ text: withWhen('agent == "sales" && agent_owner.substring(0, 5) == "owner"') })).toEqual([
      expect.stringContaining('this condition fails on a call of the agent "sales"'),
    ]);
  });
});

test("a source's test_when is asked, too: where it fails, a call counts as a real one", () => {
  const source = (when: string) =>
    file("  - { id: a, to: crm }\n".concat(chat), { sources: `  main: { secrets: ["\${WEBHOOK_SECRET}"], test_when: '${when}' }` });
  expect(warnings({ text: source('call_id.startsWith("test_")') })).toEqual([]);
  expect(warnings({ text: source('summary.substring(0, 4) == "TEST"') })).toEqual([
    expect.stringMatching(/^3:\d+ warning this condition fails on a failed call, .*: such a call counts as a real one/),
  ]);
});

test("samples are not counted as calls of unknown agents", () => {
  expect(load({ text: file(`  - { id: a, to: crm, when: test }\n${chat}`) }).unknown?.()).toEqual({ agents: {}, sides: 0 });
});

describe("`with` is filled in for sample calls when the file is loaded", () => {
  const withRoute = (route: string) => file(`${route}\n${chat}`);

  test("what makes nothing that the destination takes is a warning, for calls that the route takes", () => {
    const title = (when: string) => withRoute(`  - { id: a, to: crm, when: '${when}', with: { title: "{{ summary }}" } }`);
    expect(warnings({ text: title('call_id != ""') })).toEqual([
      '11:61 warning what this makes is nothing that CRM takes, on a failed call, without summary, transcript and recording: such a call becomes a dead letter — Where a value may be absent, give it a default: {{ … | default: "…" }}.',
    ]);
    expect(warnings({ text: title('call_outcome != "failed"') })).toEqual([]);
    expect(warnings({ text: withRoute(`  - { id: a, to: crm, with: { title: "{{ summary | default: 'Call' }}" } }`) })).toEqual([]);
  });

  test("what asks nothing of the call and fails is refused; what the call makes is a warning", () => {
    expect(problems({ text: withRoute(`  - { id: a, to: crm, with: { title: "{{ 'x' | base64_decode }}" } }`) })).toEqual([
      "11:38 this template fails on every call: each would become a dead letter",
    ]);
    expect(warnings({ text: withRoute('  - { id: a, to: crm, share: [metadata], with: { title: "{{ metadata.title }}" } }') })).toEqual([
      expect.stringContaining("what this makes is nothing that CRM takes, on every sample call: such a call becomes a dead letter"),
    ]);
  });

  test("with a person and without one, where another route is waited for", () => {
    const text = (title: string) =>
      file(
        `  - { id: a, to: crm, record: a, after: { route: b, wait: 5s }, with: { title: "${title}" } }\n  - { id: b, to: crm }\n${chat}`,
      );
    expect(warnings({ text: text("{{ person.name }}") })).toEqual([
      expect.stringContaining(
        'what this makes is nothing that CRM takes, on a call of which "b" brings nobody: such a call becomes a dead letter',
      ),
    ]);
    expect(warnings({ text: text("{{ person.name | default: 'Somebody' }}") })).toEqual([]);
    expect(warnings({ text: text("{% if person %}{{ 'x' | base64_decode }}{% endif %}{{ agent_name }}") })).toEqual([
      expect.stringContaining("this template fails on VoiceInfra's documented example"),
    ]);
  });

  test("a variable that is not known here is no reason to fail", () => {
    const text = withRoute('  - { id: a, to: crm, with: { title: "${TITLE}{{ summary }}" } }');
    expect(load({ text, env: {}, role: { kind: "check-no-env" } }).warnings).toEqual([]);
  });
});
