import type { Source } from "../routes/file/sources.ts";
import { watchRoutesFile } from "../routes/file/watch.ts";
import type { Context } from "./context.ts";
import { createRefusalReport } from "./refusal-report.ts";

/** Follows `sources` of the routes file for an ingress: a mistake elsewhere in the file does not concern it, one in them changes nothing. `text`: what is in use. */
export function followSources(options: { context: Context; text: string; use(sources: Source[]): void }): { stop(): Promise<void> } {
  const { context, text: inUse, use } = options;
  const { logger, path } = context;
  const report = createRefusalReport(logger, "the routes file cannot be used; the earlier sources stay in use");
  return watchRoutesFile({
    path,
    text: inUse,
    onUnreadable: (error) => report.refused(error, ""),
    async onText(text) {
      try {
        const sources = await context.sources(text);
        use(sources);
        report.clear();
        logger.info({ sources: sources.map(({ name }) => name) }, "the routes file was edited, its sources are in use");
        return true;
      } catch (error) {
        report.refused(error, text);
        return false;
      }
    },
  });
}
