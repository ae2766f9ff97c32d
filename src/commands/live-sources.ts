import { problemOf } from "../routes/diagnose/format.ts";
import type { Source } from "../routes/file/sources.ts";
import { watchRoutesFile } from "../routes/file/watch.ts";
import type { Context } from "./context.ts";

/** Follows `sources` of the routes file for an ingress: a mistake elsewhere in the file does not concern it, one in them changes nothing. `text`: what is in use. */
export function followSources(options: { context: Context; text: string; use(sources: Source[]): void }): { stop(): Promise<void> } {
  const { context, text: inUse, use } = options;
  const { logger, path } = context;
  const refuse = (error: unknown) =>
    logger.error({ problem: problemOf(error) }, "the routes file cannot be used; the sources before go on");
  return watchRoutesFile({
    path,
    text: inUse,
    onUnreadable: refuse,
    async onText(text) {
      try {
        const sources = await context.sources(text);
        use(sources);
        logger.info({ sources: sources.map(({ name }) => name) }, "the routes file was edited, its sources are in use");
      } catch (error) {
        refuse(error);
      }
    },
  });
}
