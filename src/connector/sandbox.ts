/** The strict stand-in of a vendor's API that each connector brings, for the demo, the contract tests and `certify`. */

/** One record or message as a sandbox holds it. */
export interface SandboxRecord {
  /** The delivery's key, as the sandbox found it in the record itself. */
  key: string;
  id: string;
  /** One line for people, as the demo prints it. */
  line: string;
  /** The record as the destination keeps it. */
  body: Record<string, unknown>;
}

export interface SandboxOptions {
  /** The vendor's documented rate limits are enforced unless this is false. */
  limits?: boolean;
  /** How long every answer takes. Default 0. */
  latencyMs?: number;
  /** One of the sandbox's `accounts`. */
  account?: string;
}

/** It refuses what the vendor refuses, in the vendor's words, for the part of the API that the connector uses. */
export interface Sandbox {
  /** Answers requests as the vendor would; absent where the destination is not HTTP. `src/sandbox` serves it on loopback. */
  fetch?: (request: Request) => Response | Promise<Response>;
  /** A destination's settings in routes.yaml (without `connector`) that lead here. */
  settings(at: { url: string; folder: string }): Record<string, string>;
  /** What has been written so far, oldest first. */
  records(): Promise<SandboxRecord[]>;
  /** A route's `with` that this sandbox takes, as the file would have it, without templates. */
  example: Record<string, unknown>;
  /** Settings with a credential that the vendor refuses, in place of the right one. Absent where there is none. */
  wrong?: Record<string, string>;
  /** Whether a request writes a record, rather than reads or logs in: faults are injected there. Present where `fetch` is. */
  writes?(request: { method: string; path: string }): boolean;
  /** The vendor's own answer of that kind. Present where `fetch` is. */
  fault?(kind: VendorFault): Response;
  /**
   * From now on the vendor refuses the record with this key, for good and in its own way, and takes others of the same batch. Present where the API
   * takes batches.
   */
  refuse?(key: string): void;
  close?(): Promise<void>;
}

/** `rate-limited` names a wait of one second where the vendor ever names one; `rate-limited-silent` names none. */
export type VendorFault = "rate-limited" | "rate-limited-silent" | "server-error" | "unauthorized";
