import { lookup as systemLookup } from "node:dns";
import { isIP, type LookupFunction } from "node:net";
import ipaddr from "ipaddr.js";

/**
 * Where requests to addresses that somebody else writes may go: a webhook's URL, a recording's. Without this guard such an address could be one
 * of our own network, and we would fetch it on a stranger's behalf (server-side request forgery, OWASP SSRF Prevention Cheat Sheet).
 */
export interface AddressPolicy {
  /** Own networks too: loopback, private and shared address space. Never link-local addresses, metadata services, multicast or reserved ranges. */
  allowPrivate: boolean;
}

/** `public`: the Internet. `private`: an own network. `never`: nothing that anybody has a reason to ask, metadata services of clouds among them. */
export type AddressKind = "public" | "private" | "never";

/** Why an address is not asked. `insecure`: it is plain http, and only https is allowed. */
export type Refusal = Exclude<AddressKind, "public"> | "insecure";

const REFUSALS: Record<Refusal, string> = {
  private: "the address is one of a private network",
  never: "the address is one that is never asked",
  insecure: "the address is not https",
};

/** The address is not one that may be asked. `message` says why, and does not quote it. */
export class RefusedAddressError extends Error {
  override readonly name = "RefusedAddressError";
  readonly code = "ERR_REFUSED_ADDRESS";
  readonly why: Refusal;

  constructor(why: Refusal) {
    super(REFUSALS[why]);
    this.why = why;
  }
}

const PRIVATE = new Set(["loopback", "private", "uniqueLocal", "carrierGradeNat"]);

/**
 * Metadata services that lie in ranges which are otherwise allowed: AWS over IPv6 (in fc00::/7), Alibaba Cloud (in 100.64.0.0/10),
 * Azure's WireServer (a public address). 169.254.169.254 and Oracle's 192.0.0.192 are in ranges that are never asked.
 */
const METADATA = new Set(["fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "168.63.129.16"]);

const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR("2000::/3");
/** A network without IPv4 reaches IPv4 hosts under it: the last four bytes say which (RFC 6052). */
const NAT64 = ipaddr.IPv6.parseCIDR("64:ff9b::/96");

/**
 * What kind of address a literal is, by the IANA special-purpose registries (RFC 6890). Not an address: `never`.
 * IPv4 inside of IPv6 (mapped, compatible, 6to4, Teredo) is `never`: DNS has no reason to give it. NAT64 is what it leads to.
 */
export function kindOfAddress(address: string): AddressKind {
  if (!ipaddr.isValid(address) || isIP(address) === 0) return "never";
  const parsed = ipaddr.parse(address);
  if (METADATA.has(parsed.toString())) return "never";
  if (parsed instanceof ipaddr.IPv6) {
    if (parsed.match(NAT64)) return kindOfNat64(parsed);
    if (PRIVATE.has(parsed.range())) return "private";
    return parsed.range() === "unicast" && parsed.match(GLOBAL_UNICAST) ? "public" : "never";
  }
  if (PRIVATE.has(parsed.range())) return "private";
  return parsed.range() === "unicast" ? "public" : "never";
}

/** Only public IPv4 is reached through it (RFC 6052 §3.1): a private one would be the translator's network, not ours. */
function kindOfNat64(address: ipaddr.IPv6): AddressKind {
  const inner = new ipaddr.IPv4(address.toByteArray().slice(-4)).toString();
  return kindOfAddress(inner) === "public" ? "public" : "never";
}

export function mayAsk(address: string, { allowPrivate }: AddressPolicy): boolean {
  const kind = kindOfAddress(address);
  return kind === "public" || (allowPrivate && kind === "private");
}

function refusalOf(address: string): RefusedAddressError {
  return new RefusedAddressError(kindOfAddress(address) === "private" ? "private" : "never");
}

/** @throws {RefusedAddressError} when a URL's host is an address that may not be asked. Names are judged by {@link guardedLookup}. */
export function checkLiteralHost(url: URL, policy: AddressPolicy): void {
  // WHATWG URL has made 127.0.0.1 of 0x7f.1, 2130706433 and 017700000001 already; IPv6 stands in brackets.
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (isIP(host) !== 0 && !mayAsk(host, policy)) throw refusalOf(host);
}

/** One answer of a name server. */
export interface ResolvedAddress {
  address: string;
  family: number;
}

/** As `dns.lookup` with `all`: tests give their own. */
export type ResolveName = (
  hostname: string,
  options: { all: true; family?: number | "IPv4" | "IPv6"; hints?: number },
  done: (error: NodeJS.ErrnoException | null, addresses: ResolvedAddress[]) => void,
) => void;

/**
 * A `lookup` for sockets that gives only addresses which may be asked. The socket connects to what it gives: the name is not resolved a second
 * time, so that no other answer can come between the check and the connection (DNS rebinding). Each new connection is checked again.
 * Fails with {@link RefusedAddressError} when a name has only other addresses.
 */
export function guardedLookup(options: AddressPolicy & { resolve?: ResolveName }): LookupFunction {
  const { resolve = systemLookup as ResolveName, ...policy } = options;
  return (hostname, { all, family, hints }, done) => {
    resolve(
      hostname,
      { all: true, ...(family === undefined ? {} : { family }), ...(hints === undefined ? {} : { hints }) },
      (error, found) => {
        if (error) return done(error, "");
        const allowed = found.filter(({ address }) => mayAsk(address, policy));
        const [first] = allowed;
        if (!first) return done(refusalOf(found[0]?.address ?? ""), "");
        return all ? done(null, allowed) : done(null, first.address, first.family);
      },
    );
  };
}
