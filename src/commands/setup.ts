import { styleText } from "node:util";
import { failureOf, sentenceOf } from "../certify/failures.ts";
import type { ExitCode } from "../errors.ts";
import { printable } from "../lib/text/printable.ts";
import { typed } from "../lib/text/typed-command.ts";
import { type CommonOptions, withContext } from "./context.ts";
import { oneDestination } from "./one-destination.ts";

/**
 * `patchbay setup <destination>`: makes what must exist there once, and says what it made. Again, it finds everything there.
 * Exit code 1 when the destination refuses, 3 when it cannot be reached.
 */
export function setupCommand(name: string, options: CommonOptions): Promise<ExitCode> {
  return withContext(options, async (context) => {
    const { destination, loaded } = await oneDestination({ name, context });
    const { connector, timeoutMs } = destination;
    const about = { destination: destination.name, connector: connector.name };
    if (!connector.setup) {
      if (options.json) console.log(JSON.stringify({ ...about, ok: true, steps: [] }));
      else console.log(typed`${connector.title} needs nothing to be made: \`patchbay test ${destination.name}\` shows whether it works.`);
      return 0;
    }
    try {
      const steps = await connector.setup({ settings: destination.settings(), timezone: loaded.timezone, timeoutMs });
      if (options.json) console.log(JSON.stringify({ ...about, ok: true, steps }));
      else
        for (const { what, done } of steps)
          console.log(`${done === "made" ? styleText("green", "made     ") : "was there"}  ${printable(what)}`);
      return 0;
    } catch (error) {
      const failure = failureOf(error);
      if (options.json) console.log(JSON.stringify({ ...about, ok: false, failure }));
      else console.error(`${styleText("red", "error", { stream: process.stderr })}  ${destination.name}: ${sentenceOf(failure)}`);
      return failure.kind === "retry" && failure.because === "down" ? 3 : 1;
    }
  });
}
