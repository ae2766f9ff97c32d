import { describe, expect, test } from "vitest";
import { checkLiteralHost, guardedLookup, kindOfAddress, mayAsk, type ResolvedAddress } from "../../src/lib/net/public-address.ts";

describe("what kind of address it is", () => {
  test.each([
    ["8.8.8.8", "public"],
    ["1.1.1.1", "public"],
    ["93.184.216.34", "public"],
    ["172.15.255.255", "public"],
    ["172.32.0.1", "public"],
    ["100.63.255.255", "public"],
    ["100.128.0.1", "public"],
    ["2606:4700::6810:84e5", "public"],
    ["2a00:1450:4001::200e", "public"],
    ["64:ff9b::808:808", "public"],
    ["127.0.0.1", "private"],
    ["127.255.255.254", "private"],
    ["10.0.0.1", "private"],
    ["172.16.0.1", "private"],
    ["172.31.255.255", "private"],
    ["192.168.1.1", "private"],
    ["100.64.0.1", "private"],
    ["100.127.255.254", "private"],
    ["::1", "private"],
    ["fc00::1", "private"],
    ["fd12:3456:789a::1", "private"],
    ["0.0.0.0", "never"],
    ["0.1.2.3", "never"],
    ["169.254.169.254", "never"],
    ["169.254.170.2", "never"],
    ["169.254.0.1", "never"],
    ["168.63.129.16", "never"],
    ["100.100.100.200", "never"],
    ["192.0.0.192", "never"],
    ["192.0.2.1", "never"],
    ["198.18.0.1", "never"],
    ["198.51.100.7", "never"],
    ["203.0.113.7", "never"],
    ["224.0.0.1", "never"],
    ["239.255.255.250", "never"],
    ["240.0.0.1", "never"],
    ["255.255.255.255", "never"],
    ["::", "never"],
    ["fd00:ec2::254", "never"],
    ["fe80::1", "never"],
    ["fe80::1%eth0", "never"],
    ["fec0::1", "never"],
    ["ff02::1", "never"],
    ["::ffff:127.0.0.1", "never"],
    ["::ffff:7f00:1", "never"],
    ["::ffff:8.8.8.8", "never"],
    ["::127.0.0.1", "never"],
    ["::7f00:1", "never"],
    ["::ffff:0:7f00:1", "never"],
    ["64:ff9b::7f00:1", "never"],
    ["64:ff9b::a9fe:a9fe", "never"],
    ["64:ff9b::a00:1", "never"],
    ["64:ff9b:1::808:808", "never"],
    ["2002:7f00:1::", "never"],
    ["2002:808:808::1", "never"],
    ["2001::1", "never"],
    ["2001:db8::1", "never"],
    ["3fff::1", "never"],
    ["100::1", "never"],
    ["4000::1", "never"],
    ["127.1", "never"],
    ["0x7f.0.0.1", "never"],
    ["localhost", "never"],
    ["", "never"],
  ])("%s is %s", (address, kind) => {
    expect(kindOfAddress(address)).toBe(kind);
    expect(mayAsk(address, { allowPrivate: false })).toBe(kind === "public");
    expect(mayAsk(address, { allowPrivate: true })).toBe(kind !== "never");
  });
});

describe("a URL whose host is an address, however it is written", () => {
  test.each([
    "http://127.0.0.1/",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.0.0.1/",
    "http://017700000001/",
    "http://0177.0.0.1/",
    "http://①②⑦.0.0.1/",
    "http://127.0.0.1./",
    "http://0/",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[64:ff9b::10.0.0.1]/",
    "http://[2002:7f00:1::]/",
    "http://[fe80::1]/",
    "http://169.254.169.254/latest/meta-data/",
    "http://2852039166/",
    "http://0xA9FEA9FE/",
  ])("%s is refused", (url) => {
    expect(() => checkLiteralHost(new URL(url), { allowPrivate: false })).toThrow(/address/);
  });

  test("one of the Internet is not, nor is a name, which is judged when it is resolved", () => {
    for (const url of ["https://8.8.8.8/", "https://[2606:4700::6810:84e5]/", "https://example.com/", "https://localhost/"]) {
      expect(() => checkLiteralHost(new URL(url), { allowPrivate: false })).not.toThrow();
    }
  });

  test("an own network is taken where the destination says so, a metadata service never", () => {
    expect(() => checkLiteralHost(new URL("http://10.1.2.3/"), { allowPrivate: true })).not.toThrow();
    expect(() => checkLiteralHost(new URL("http://169.254.169.254/"), { allowPrivate: true })).toThrow(/never asked/);
  });
});

describe("a name", () => {
  const of = (...addresses: string[]): ResolvedAddress[] =>
    addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));

  /** What a socket gets: every address, as Node asks for since it tries several; or one. */
  function look(options: { answers: ResolvedAddress[][]; allowPrivate?: boolean; all?: boolean }) {
    const { answers, allowPrivate = false, all = true } = options;
    let asked = 0;
    const lookup = guardedLookup({ allowPrivate, resolve: (_name, _options, done) => done(null, answers[asked++] ?? []) });
    const once = () =>
      new Promise((resolve, reject) =>
        lookup("hooks.example.com", { all }, (error, found, family) => (error ? reject(error) : resolve(all ? found : { found, family }))),
      );
    return { once, asked: () => asked };
  }

  test("gives its public addresses", async () => {
    const { once } = look({ answers: [of("93.184.216.34", "2606:4700::6810:84e5")] });
    expect(await once()).toEqual(of("93.184.216.34", "2606:4700::6810:84e5"));
  });

  test("gives one, with its family, to who asks for one", async () => {
    const { once } = look({ answers: [of("10.0.0.1", "2606:4700::6810:84e5")], all: false });
    expect(await once()).toEqual({ found: "2606:4700::6810:84e5", family: 6 });
  });

  test("that leads to a private and a public address leads to the public one only", async () => {
    const { once } = look({ answers: [of("127.0.0.1", "93.184.216.34", "::1", "fd00::1")] });
    expect(await once()).toEqual(of("93.184.216.34"));
  });

  test.each(["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1", "fd00:ec2::254"])(
    "that leads to %s is refused",
    async (address) => {
      await expect(look({ answers: [of(address)] }).once()).rejects.toMatchObject({ code: "ERR_REFUSED_ADDRESS" });
    },
  );

  test("that changes its answer between two connections is judged at each: there is one resolution, and it is the one that is used", async () => {
    const { once, asked } = look({ answers: [of("93.184.216.34"), of("127.0.0.1")] });
    expect(await once()).toEqual(of("93.184.216.34"));
    expect(asked()).toBe(1);
    await expect(once()).rejects.toThrow(/private network/);
  });

  test("of an own network is taken where the destination says so", async () => {
    const { once } = look({ answers: [of("10.0.0.7", "169.254.169.254")], allowPrivate: true });
    expect(await once()).toEqual(of("10.0.0.7"));
  });

  test("without any address, and one that cannot be resolved, are errors", async () => {
    await expect(look({ answers: [[]] }).once()).rejects.toMatchObject({ code: "ERR_REFUSED_ADDRESS" });
    const failing = guardedLookup({
      allowPrivate: false,
      resolve: (_n, _o, done) => done(Object.assign(new Error("x"), { code: "ENOTFOUND" }), []),
    });
    await expect(new Promise((_, reject) => failing("nowhere.example", { all: true }, (error) => reject(error)))).rejects.toMatchObject({
      code: "ENOTFOUND",
    });
  });
});
