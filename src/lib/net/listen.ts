import type { AddressInfo, Server } from "node:net";
import { UsageError } from "../../errors.ts";

/** Every address of this machine. */
export const ALL_ADDRESSES = "all";

/**
 * Listens, and gives the address as a URL that leads there from this machine.
 * @param options.host an address of this machine or a name of one; {@link ALL_ADDRESSES} for all.
 * @throws {UsageError} when it is none; Node's error (EADDRINUSE, EACCES) for the port.
 */
export async function listen(options: { server: Server; port: number; host: string }): Promise<{ port: number; url: string }> {
  const { server, port, host } = options;
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ port, ...(host === ALL_ADDRESSES ? {} : { host }) }, () => {
        server.off("error", reject);
        resolve();
      });
    });
  } catch (error) {
    if (NO_ADDRESS.has((error as NodeJS.ErrnoException).code ?? "")) {
      throw new UsageError(`"${host}" is no address of this machine`, {
        hint: "--host (PATCHBAY_HOST) and --ops-host (PATCHBAY_OPS_HOST) name one: 127.0.0.1, ::1, or all.",
        cause: error,
      });
    }
    throw error;
  }
  const { port: bound, address, family } = server.address() as AddressInfo;
  const isAll = address === "::" || address === "0.0.0.0";
  return { port: bound, url: `http://${isAll ? "127.0.0.1" : family === "IPv6" ? `[${address}]` : address}:${bound}` };
}

const NO_ADDRESS = new Set(["EADDRNOTAVAIL", "ENOTFOUND", "EAI_AGAIN", "EAFNOSUPPORT", "EINVAL"]);
