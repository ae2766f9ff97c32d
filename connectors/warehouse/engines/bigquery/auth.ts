import { abortable, OpenError, type Secret } from "../../../../src/connector/index.ts";

const GOOGLE_TOKEN_URI = "https://oauth2.googleapis.com/token";

/**
 * How BigQuery is asked in the name of an account: by Google's library, which exchanges a key for tokens and finds the application default credentials.
 * `credentials`: the JSON key of a service account. @throws {OpenError}
 */
export async function googleAccess(options: {
  project: string;
  credentials: Secret | undefined;
  baseUrl: string | undefined;
}): Promise<{ endpoint: string; headers(signal: AbortSignal): Promise<Record<string, string>> }> {
  const { project, baseUrl } = options;
  const credentials = options.credentials && credentialsOf(options.credentials);
  const { BigQuery } = await loadBigQuery();
  const client = new BigQuery({ projectId: project, ...(baseUrl && { apiEndpoint: baseUrl }) });
  const { authClient } = client;
  if (credentials) {
    // As an option the library calls it deprecated, on the console.
    authClient.jsonContent = credentials;
    const { transporter } = await authClient.getClient();
    // It exchanges a key at Google's own address, whatever address the key names.
    const tokenUri = (input: unknown) => (String(input) === GOOGLE_TOKEN_URI ? credentials.token_uri : String(input));
    transporter.defaults.fetchImplementation = (input, init) => fetch(tokenUri(input), { ...init, redirect: "manual" });
  }
  // Another address without a key is an emulator's, which asks for none.
  const isEmulator = !credentials && (baseUrl !== undefined || process.env.BIGQUERY_EMULATOR_HOST !== undefined);
  return {
    endpoint: client.baseUrl.replace(/\/$/, ""),
    async headers(signal) {
      if (isEmulator) return {};
      return Object.fromEntries(await abortable(signal, () => authClient.getRequestHeaders()));
    },
  };
}

function credentialsOf(secret: Secret): { client_email: string; private_key: string; token_uri: string } {
  try {
    const { client_email, private_key, token_uri = GOOGLE_TOKEN_URI } = JSON.parse(secret.reveal());
    if (typeof client_email === "string" && typeof private_key === "string")
      return { client_email, private_key, token_uri: String(token_uri) };
  } catch {
    // Said below, without the text.
  }
  throw new OpenError({
    kind: "needs-fix",
    code: "credentials",
    reason: "`credentials` is not the JSON key of a service account",
    fix: "Create a key of type JSON for the account, and name its file: credentials: ${file:/run/secrets/bigquery.json}",
  });
}

/** @throws {OpenError} when the SDK is not installed: it is large, and few need it. */
export async function loadBigQuery(
  load: () => Promise<typeof import("@google-cloud/bigquery")> = () => import("@google-cloud/bigquery"),
): Promise<typeof import("@google-cloud/bigquery")> {
  try {
    return await load();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (!/MODULE_NOT_FOUND/.test(code)) throw error;
    throw new OpenError({
      kind: "needs-fix",
      code: "not_installed",
      reason: "Google's BigQuery library is not installed",
      fix: "Run: npm install @google-cloud/bigquery",
    });
  }
}
