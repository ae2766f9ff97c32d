import { type Environment, setting } from "./environment.ts";

/** Where /healthz, /readyz and /metrics are served for those who operate us; the same for every role. */
export interface OpsOptions {
  opsPort?: number;
  opsHost?: string;
}

const DEFAULT_PORT = 9090;

/** @throws {UsageError} for a PATCHBAY_OPS_PORT that is none. */
export function opsPort(options: OpsOptions, env: Environment): number {
  return options.opsPort ?? setting(env, "PATCHBAY_OPS_PORT") ?? DEFAULT_PORT;
}

/** Somebody named the port: they look for it there, so that no other will do. */
export function opsPortAsked(options: OpsOptions, env: Environment): boolean {
  return options.opsPort !== undefined || setting(env, "PATCHBAY_OPS_PORT") !== undefined;
}

/** This machine alone unless somebody says otherwise: figures and reasons are not for the public. The image says `all`. */
export function opsHost(options: OpsOptions, env: Environment): string | undefined {
  return options.opsHost ?? setting(env, "PATCHBAY_OPS_HOST");
}
