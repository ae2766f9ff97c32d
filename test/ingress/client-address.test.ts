import { describe, expect, test } from "vitest";
import { createClientAddress, readTrustedProxies } from "../../src/ingress/client-address.ts";

const addressOf = (trusted: string, peer: string, forwarded?: string) =>
  createClientAddress(readTrustedProxies(trusted))({
    socket: { remoteAddress: peer },
    headers: forwarded === undefined ? {} : { "x-forwarded-for": forwarded },
  } as never);

describe("who sends", () => {
  test.each([
    ["nobody is trusted: the header is a stranger's text", "", "192.0.2.1", "198.51.100.7", "192.0.2.1"],
    ["the other end is no proxy of ours", "10.0.0.0/8", "192.0.2.1", "198.51.100.7", "192.0.2.1"],
    ["a proxy says it", "10.0.0.0/8", "10.1.2.3", "198.51.100.7", "198.51.100.7"],
    ["a proxy of ours in front of another", "10.0.0.0/8", "10.1.2.3", "198.51.100.7, 10.9.9.9", "198.51.100.7"],
    ["what stands before the last is a stranger's text", "10.0.0.0/8", "10.1.2.3", "203.0.113.5, 198.51.100.7", "198.51.100.7"],
    ["all of them are ours", "10.0.0.0/8", "10.1.2.3", "10.4.4.4, 10.9.9.9", "10.4.4.4"],
    ["the proxy writes the port", "10.0.0.0/8", "10.1.2.3", "198.51.100.7:51234", "198.51.100.7"],
    ["the proxy says nothing", "10.0.0.0/8", "10.1.2.3", undefined, "10.1.2.3"],
    ["the proxy says nonsense", "10.0.0.0/8", "10.1.2.3", "unknown", "10.1.2.3"],
    ["a single address is trusted", "10.1.2.3, 10.1.2.4", "10.1.2.4", "198.51.100.7", "198.51.100.7"],
    ["IPv4 comes inside of IPv6", "10.0.0.0/8", "::ffff:10.1.2.3", "::ffff:198.51.100.7", "198.51.100.7"],
  ])("%s", (_, trusted, peer, forwarded, expected) => {
    expect(addressOf(trusted, peer, forwarded)).toBe(expected);
  });

  test("counts IPv6 by its /64, which one host has for itself", () => {
    const one = addressOf("", "2001:db8:1:2:3:4:5:6");
    expect(addressOf("", "2001:db8:1:2:ffff::1")).toBe(one);
    expect(addressOf("", "2001:db8:1:3::1")).not.toBe(one);
    expect(addressOf("fd00::/8", "fd00::1", "[2001:db8:1:2::9]:443")).toBe(one);
  });

  test.each(["10.0.0.0/33", "proxy.internal", "10.0.0/8x", "300.1.1.1", "::g"])("cannot be a proxy called %s", (text) => {
    expect(() => readTrustedProxies(text)).toThrow(`"${text}" is neither an address nor a network`);
  });
});
