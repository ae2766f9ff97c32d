import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { networkInterfaces } from "node:os";

/** Ports that were free a moment ago, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** A port on which nobody listens any more. */
export async function closedPort(): Promise<number> {
  const [port] = await freePorts(1);
  return port as number;
}

/** Addresses of this machine alone: some containers have no IPv6. */
export const loopbackAddresses = ["127.0.0.1", "::1"].filter((address) =>
  Object.values(networkInterfaces()).some((addresses) => addresses?.some((one) => one.address === address)),
);
