import type { IncomingMessage } from "node:http";
import ipaddr from "ipaddr.js";
import { UsageError } from "../errors.ts";
import { memoize } from "../lib/cache/memoize.ts";

export type Network = [ipaddr.IPv4 | ipaddr.IPv6, number];

/**
 * Networks of proxies whose `X-Forwarded-For` is believed: `10.0.0.0/8, 192.0.2.7`.
 * @throws {UsageError} for what is neither an address nor a network.
 */
export function readTrustedProxies(text: string): Network[] {
  const parts = text.split(/[\s,]+/).filter((part) => part !== "");
  return parts.map((part) => {
    try {
      const parsed = ipaddr.parse(part.split("/", 1)[0] ?? "");
      return part.includes("/") ? ipaddr.parseCIDR(part) : [parsed, parsed.kind() === "ipv4" ? 32 : 128];
    } catch {
      throw new UsageError(`"${part}" is neither an address nor a network`, {
        hint: "PATCHBAY_TRUSTED_PROXIES lists the proxies in front of the ingress: 10.0.0.0/8, 192.0.2.7.",
      });
    }
  });
}

/**
 * Who sends, as far as it can be believed: the connection's other end or, where that is a trusted proxy, the last address of
 * `X-Forwarded-For` that is none. Earlier ones are what a stranger wrote. IPv6 counts by its /64, which one host has for itself.
 */
export function createClientAddress(trusted: Network[]): (incoming: IncomingMessage) => string {
  const isTrusted = (address: ipaddr.IPv4 | ipaddr.IPv6) =>
    trusted.some(([network, bits]) => network.kind() === address.kind() && address.match(network, bits));

  const networkOfPeer = memoize((peer) => networkOf(parse(peer)) ?? peer);

  return ({ socket, headers }) => {
    const peer = socket.remoteAddress ?? "";
    if (trusted.length === 0) return networkOfPeer(peer);
    let last = parse(peer);
    if (!last || !isTrusted(last)) return networkOf(last) ?? peer;
    const forwarded = String(headers["x-forwarded-for"] ?? "").split(",");
    for (const one of forwarded.reverse()) {
      const address = parse(one.trim());
      if (!address) break;
      last = address;
      if (!isTrusted(address)) break;
    }
    return networkOf(last) ?? peer;
  };
}

function parse(text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  // Some proxies write the port too.
  const bare = /^\[(.*)\](:\d+)?$/.exec(text)?.[1] ?? text.replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, "$1");
  return ipaddr.isValid(bare) ? ipaddr.process(bare) : undefined;
}

function networkOf(address: ipaddr.IPv4 | ipaddr.IPv6 | undefined): string | undefined {
  if (address instanceof ipaddr.IPv6) return address.parts.slice(0, 4).join(":");
  return address?.toString();
}
