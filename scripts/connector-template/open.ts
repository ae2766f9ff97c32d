import { type OpenDestination, OpenError, type OpenOptions, type Outcome } from "../../src/connector/index.ts";
import { createClient } from "./client.ts";
import { failureOf } from "./errors.ts";
import type { ExampleWith } from "./mapping.ts";
import { recordOf } from "./record.ts";
import type { ExampleSettings } from "./settings.ts";

/** @throws {OpenError} when Example refuses the token; or a network error. */
export async function openExample({ settings, timeoutMs }: OpenOptions<ExampleSettings>): Promise<OpenDestination<ExampleWith>> {
  const client = createClient({ token: settings.token, baseUrl: settings.base_url });
  // Fails here, with its fix, rather than on the first call.
  const refused = failureOf(await client.readAccount(AbortSignal.timeout(timeoutMs)));
  if (refused) throw new OpenError(refused);

  return {
    async send([delivery], { signal }): Promise<Outcome[]> {
      if (!delivery) return [];
      // The delivery's key is the record's: the same call again, after a lost answer too, writes the same record.
      const answer = await client.writeCall(delivery.key, recordOf(delivery), signal);
      const failure = failureOf(answer);
      if (failure) return [failure];
      const { id } = (answer.json ?? {}) as { id?: unknown };
      if (typeof id === "string") return [{ kind: "delivered", receipt: { id } }];
      return [{ kind: "ambiguous", code: "no_id", reason: "the answer is not one of Example's: a proxy may be in between" }];
    },
    close: async () => undefined,
  };
}
