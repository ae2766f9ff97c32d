import type { HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { type Context, Hono } from "hono";
import type { Received } from "./receive.ts";
import type { Reply } from "./respond.ts";

export interface IngressAppOptions {
  receive: (received: Received) => Promise<void>;
  respond: (reply: Reply) => void;
  isReady: () => Promise<boolean>;
  /** The stack of an error that nobody expected. */
  onFault: (fault: string | undefined) => void;
}

type IngressContext = Context<{ Bindings: HttpBindings }>;

export const NOT_FOUND = { code: "not_found", message: "Here are /webhooks/<source>, /healthz and /readyz." };

/**
 * The public port, as a Hono app for Node: webhooks, and whether we are well, without a reason. What a load balancer does not need stands on
 * the ops port.
 */
export function createIngressApp(options: IngressAppOptions): Hono<{ Bindings: HttpBindings }> {
  const { receive, respond, isReady, onFault } = options;

  function answer(c: IngressContext, status: number, body: unknown, headers: Record<string, string> = {}): Response {
    const { incoming, outgoing } = c.env;
    respond({ incoming, outgoing, status, headers, body });
    return RESPONSE_ALREADY_SENT;
  }

  const app = new Hono<{ Bindings: HttpBindings }>();
  app.post("/webhooks/:source", async (c) => {
    const { incoming, outgoing } = c.env;
    await receive({ incoming, outgoing, source: c.req.param("source") });
    return RESPONSE_ALREADY_SENT;
  });
  app.all("/webhooks/:source", (c) => answer(c, 405, { code: "method_not_allowed", message: "Deliveries are POSTed." }, { allow: "POST" }));
  app.get("/healthz", (c) => answer(c, 200, { status: "ok" }));
  app.get("/readyz", async (c) => ((await isReady()) ? answer(c, 200, { status: "ready" }) : answer(c, 503, { status: "not ready" })));
  app.notFound((c) => answer(c, 404, NOT_FOUND));
  app.onError((error, c) => {
    onFault(error.stack);
    return answer(c, 500, { code: "internal", message: "A fault of ours; please send it again." });
  });
  return app;
}
