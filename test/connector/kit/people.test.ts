import { afterEach, describe, expect, test, vi } from "vitest";
import {
  type Creation,
  type Crm,
  type CrmPerson,
  createPeople,
  crmWords,
  type Delivery,
  isSameNumber,
  type Outcome,
  type Receipt,
  type SharedCall,
  z,
} from "../../../src/connector/index.ts";
import { documentedCall } from "../../support/documented-call.ts";

const mapping = z.strictObject(crmWords({ fieldName: z.string() }));
const DANA = "+14155550100";
const SAM = "+14155550101";
const NEW = "+14155550199";
const signal = new AbortController().signal;

function person(id: string, number: string, changes: Partial<CrmPerson> = {}): CrmPerson {
  return { id, owner: undefined, modifiedAtMs: 0, numbers: [number], ...changes };
}

function callFrom(
  number: string,
  options: { with?: z.input<typeof mapping>; call?: Partial<SharedCall>; sinceAcceptedMs?: number; previous?: Receipt } = {},
) {
  const call = documentedCall({ call_id: `call of ${number}`, from_number: number, customer_number: number, ...options.call });
  const delivery: Delivery<z.output<typeof mapping>> = {
    key: call.call_id,
    call,
    with: mapping.parse(options.with ?? {}),
    previous: options.previous,
    sinceAcceptedMs: options.sinceAcceptedMs ?? 0,
    related: undefined,
  };
  return { delivery, owner: undefined };
}

/** A CRM in memory. Its search shows a created person once `showsCreated` is true. */
function memoryCrm(options: Partial<Crm<CrmPerson>> & { people?: CrmPerson[]; showsCreated?: boolean } = {}) {
  const { people = [person("1", DANA), person("2", SAM)], showsCreated = false, ...changes } = options;
  const state = { people, searches: [] as string[][], creations: [] as string[][] };
  const crm: Crm<CrmPerson> = {
    title: "Memory",
    rememberMs: { found: 600_000, nobody: 30_000, gone: 60_000, created: 600_000 },
    searchLagMs: 60_000,
    createsForUpdates: false,
    creationsAtOnce: 10,
    async search({ customers }) {
      state.searches.push(customers.map(({ number }) => number));
      return { people: state.people.filter(({ numbers }) => customers.some((one) => numbers.some((typed) => isSameNumber(typed, one)))) };
    },
    outcomeOfSearchError: (error) => ({ kind: "retry", because: "server", code: (error as Error).message, reason: "no search" }),
    async create(wanted) {
      state.creations.push(wanted.map(({ number }) => number));
      const created = wanted.map(({ number }): [string, Creation<CrmPerson>] => [number, { person: person(`new ${number}`, number) }]);
      if (showsCreated) state.people.push(...created.map(([, one]) => (one as { person: CrmPerson }).person));
      return new Map(created);
    },
    ...changes,
  };
  const engine = createPeople(crm);
  const match = async (...calls: ReturnType<typeof callFrom>[]) =>
    [...(await engine.match(calls, { signal })).values()].map((one) =>
      "outcome" in one ? (one.outcome as { code: string }).code : one.people.map(({ id }) => id),
    );
  return { ...state, state, crm, engine, match };
}

afterEach(() => {
  vi.useRealTimers();
});

describe("the search", () => {
  test("asks for each number of a batch once, in groups that the CRM takes, and remembers people longer than that nobody has a number", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const { match, searches } = memoryCrm({
      groups: (customers) => [customers.slice(0, 2), customers.slice(2)].filter((one) => one.length > 0),
    });
    const calls = [callFrom(DANA), callFrom(SAM), callFrom(NEW), callFrom(DANA)];
    expect(await match(...calls)).toEqual([["1"], ["2"], []]);
    expect(searches).toEqual([[DANA, SAM], [NEW]]);
    await match(...calls);
    expect(searches).toHaveLength(2);
    vi.advanceTimersByTime(31_000);
    await match(...calls);
    expect(searches.slice(2)).toEqual([[NEW]]);
  });

  test("is shared by batches that meet a number at the same time", async () => {
    const { match, searches } = memoryCrm();
    expect(await Promise.all([match(callFrom(DANA)), match(callFrom(DANA))])).toEqual([[["1"]], [["1"]]]);
    expect(searches).toEqual([[DANA]]);
  });

  test("finds nobody by a number that only looks like the customer's, nor by one that the route calls nobody's", async () => {
    const crm = memoryCrm({ search: async () => ({ people: [person("1", "+4915155550100"), person("2", "415 555 0100")] }) });
    expect(await crm.match(callFrom(DANA))).toEqual([["2"]]);
    expect(await crm.match(callFrom(DANA, { with: { match: { never: [DANA] } } }))).toEqual([[]]);
  });

  test("covers both numbers of a call whose direction is unknown, and creates nobody for two", async () => {
    const { match, searches, creations } = memoryCrm();
    const unknown = { direction: "unknown" as const, customer_number: "" };
    const create = { match: { on_none: "create_contact" as const, on_many: "all" as const } };
    expect(await match(callFrom(DANA, { call: { ...unknown, to_number: SAM }, with: create }))).toEqual([["1", "2"]]);
    expect(await match(callFrom(NEW, { call: { ...unknown, to_number: "+14155550198" }, with: create }))).toEqual([[]]);
    expect([searches.flat().length, creations]).toEqual([4, []]);
  });

  test("that fails costs only its own calls, and those behind it are not begun", async () => {
    const search = vi.fn<Crm<CrmPerson>["search"]>(async ({ customers: [one] }) => {
      if (one?.number === SAM) throw new Error("too_much");
      return { people: [person("1", DANA)] };
    });
    const calls = [callFrom(DANA), callFrom(SAM), callFrom(NEW)];
    expect(await memoryCrm({ search }).match(...calls)).toEqual([["1"], "too_much", []]);
    search.mockClear();
    expect(await memoryCrm({ search, concurrency: 1 }).match(...calls)).toEqual([["1"], "too_much", "too_much"]);
    expect(search).toHaveBeenCalledTimes(2);
  });

  test("counts also the people that were not read, and prefers those that the CRM prefers", async () => {
    const two = [person("1", DANA, { modifiedAtMs: 1 }), person("2", DANA)];
    const { engine } = memoryCrm({
      search: async () => ({ people: two, unread: 5 }),
      prefer: (people) => people.filter(({ id }) => id === "2"),
    });
    const call = callFrom(DANA);
    expect((await engine.match([call], { signal })).get(call.delivery.key)).toEqual({ people: [two[1]], found: 6 });
  });
});

describe("a person who is gone", () => {
  test("is not matched, though the search still shows it; forgotten numbers are searched for again", async () => {
    const { match, engine, searches, state } = memoryCrm();
    const call = callFrom(DANA);
    await match(call);
    engine.gone("1");
    expect(await match(call)).toEqual([[]]);
    expect(searches).toHaveLength(1);
    state.people.push(person("3", DANA));
    engine.forget(call.delivery);
    expect(await match(call)).toEqual([["3"]]);
  });

  test("is replaced by its successor, if the search finds nobody", async () => {
    const { engine } = memoryCrm();
    const call = { ...callFrom(NEW), successor: person("heir", NEW) };
    expect((await engine.match([call], { signal })).get(call.delivery.key)).toMatchObject({ people: [{ id: "heir" }], found: 1 });
  });
});

describe("a number that nobody has", () => {
  const create = { match: { on_none: "create_contact" as const } };

  test("waits as long as the route says; a later version of a logged call does not", async () => {
    const { match } = memoryCrm();
    // biome-ignore lint/suspicious/noThenProperty: a word of routes.yaml; this object is never awaited.
    const wait = { match: { on_none: { wait: "30m", then: "log_unassociated" as const } } };
    expect(await match(callFrom(NEW, { with: wait }))).toEqual(["no_person_yet"]);
    expect(await match(callFrom(NEW, { with: wait, sinceAcceptedMs: 30 * 60_000 }))).toEqual([[]]);
    expect(await match(callFrom(NEW, { with: wait, previous: { id: "r" } }))).toEqual([[]]);
  });

  test("is created once, however many calls and batches ask, and found from then on", async () => {
    const { match, creations } = memoryCrm();
    const [a, b] = ["a", "b"].map((call_id) => callFrom(NEW, { with: create, call: { call_id } }));
    if (!a || !b) return;
    expect(await Promise.all([match(a, b), match(a)])).toEqual([[[`new ${NEW}`], [`new ${NEW}`]], [[`new ${NEW}`]]]);
    expect(await match(callFrom(NEW, { with: { match: { phone_fields: ["other"], on_none: "create_contact" } } }))).toEqual([
      [`new ${NEW}`],
    ]);
    expect(creations).toEqual([[NEW]]);
  });

  test("is searched for once more before it is created: what memory says of nobody is not enough", async () => {
    const { match, state, creations } = memoryCrm();
    await match(callFrom(NEW));
    state.people.push(person("3", NEW));
    expect(await match(callFrom(NEW, { with: create }))).toEqual([["3"]]);
    expect(creations).toEqual([]);
  });

  test("is created only for a call that goes on the contact; for a later version where the CRM's connector says so", async () => {
    const previous = { id: "r" };
    const { match, creations } = memoryCrm();
    await match(
      callFrom(NEW, { with: { ...create, associate: ["company"] } }),
      callFrom(SAM.replace("01", "77"), { with: create, previous }),
    );
    expect(creations).toEqual([]);
    expect(await memoryCrm({ createsForUpdates: true }).match(callFrom(NEW, { with: create, previous }))).toEqual([[`new ${NEW}`]]);
  });

  test("whose person the CRM refuses is logged alone, with its code", async () => {
    const { engine } = memoryCrm({ create: async () => new Map([[NEW, { refused: "MISSING (email)" }]]) });
    const call = callFrom(NEW, { with: create });
    expect((await engine.match([call], { signal })).get(call.delivery.key)).toEqual({ people: [], found: 0, refused: "MISSING (email)" });
  });

  test("is not created twice while nobody knows whether it was: the next call waits until the search shows it", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    let isUnclear = true;
    const creations: string[] = [];
    const { engine, match } = memoryCrm({
      async create([one]) {
        creations.push(one?.number ?? "");
        return new Map([[NEW, isUnclear ? { isUnclear: true } : { person: person("3", NEW) }]]);
      },
    });
    const call = callFrom(NEW, { with: create });
    const waitOf = async () => ((await engine.match([call], { signal })).get(call.delivery.key) as { outcome: Outcome }).outcome;
    expect(await waitOf()).toMatchObject({ kind: "retry", code: "contact_unclear", retryAfterMs: 60_000 });
    vi.advanceTimersByTime(20_000);
    expect(await waitOf()).toMatchObject({ code: "contact_unclear", retryAfterMs: 40_000 });
    expect(creations).toHaveLength(1);
    isUnclear = false;
    vi.advanceTimersByTime(41_000);
    expect(await match(call)).toEqual([["3"]]);
  });

  test("is found when the answer comes after the attempt", async () => {
    const asked = Promise.withResolvers<void>();
    const answered = Promise.withResolvers<ReadonlyMap<string, Creation<CrmPerson>>>();
    const { engine, match } = memoryCrm({
      create() {
        asked.resolve();
        return answered.promise;
      },
    });
    const call = callFrom(NEW, { with: create });
    const attempt = new AbortController();
    const matching = engine.match([call], { signal: attempt.signal });
    await asked.promise;
    attempt.abort(new Error("over"));
    expect((await matching).get(call.delivery.key)).toMatchObject({ outcome: { code: "contact_unclear" } });
    answered.resolve(new Map([[NEW, { person: person("3", NEW) }]]));
    await new Promise((resolve) => setImmediate(resolve));
    expect(await match(call)).toEqual([["3"]]);
  });

  test("is searched for again where the search shows a new person at once", async () => {
    const rememberMs = { found: 1, nobody: 1, gone: 1, created: 0 };
    const { match, creations, searches } = memoryCrm({ rememberMs, searchLagMs: 0, showsCreated: true });
    await match(callFrom(NEW, { with: create }));
    expect(await match(callFrom(NEW, { with: create }))).toEqual([[`new ${NEW}`]]);
    expect([creations.length, searches.length]).toEqual([1, 2]);
  });
});
