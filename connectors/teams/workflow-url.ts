/**
 * Where flows are started. Those of the Workflows app moved from the first host to the second, and the old addresses ended on 2025-11-30
 * (learn.microsoft.com, "Changes to HTTP or Teams Webhook trigger flows"); a Logic App of one's own in Azure keeps the first.
 */
const HOSTS = /\.(logic\.azure\.com|environment\.api\.powerplatform\.com)$/;
const RETIRED = /(^|\.)(webhook\.office\.com|outlook\.office\.com)$/;

/** What is wrong with the address of a flow, with what to do; undefined when nothing is. Quotes nothing of it: it is a secret. */
export function wrongWithUrl(text: string): string | undefined {
  const url = URL.parse(text);
  if (!url) return "is no address: copy the whole one from the Workflows app";
  if (RETIRED.test(url.hostname)) {
    return "is an Office 365 connector, which Microsoft has retired: make a flow in Teams with the Workflows app (Post to a channel when a webhook request is received), and give its address";
  }
  if (url.protocol !== "https:") return "must begin with https://";
  if (!HOSTS.test(url.hostname))
    return "must be an address of the Workflows app, at *.logic.azure.com or *.environment.api.powerplatform.com";
  if (!url.searchParams.get("sig")) return "lacks its sig=…: copy the whole address from the Workflows app";
  return undefined;
}

/** A caution about an address that has ended, unless it is a Logic App's: the two look alike. */
export function oldAddressNote(text: string): string | undefined {
  if (!URL.parse(text)?.hostname.endsWith(".logic.azure.com")) return undefined;
  return "addresses of the Workflows app at *.logic.azure.com ended on 2025-11-30: copy the flow's new one, at *.environment.api.powerplatform.com. A Logic App of your own keeps its address";
}

/** The flow's address with the origin of `baseUrl`, such as a sandbox or a proxy; path and query stay. */
export function addressOf(options: { url: string; baseUrl: string | undefined }): string {
  const url = new URL(options.url);
  if (options.baseUrl === undefined) return url.href;
  const base = options.baseUrl.replace(/\/+$/, "");
  return `${base}${url.pathname}${url.search}`;
}
