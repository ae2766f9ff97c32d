import { httpSettings, secret, z } from "../../src/connector/index.ts";

export const exampleSettings = z.strictObject({ token: secret().describe("API token of Example"), ...httpSettings });

export type ExampleSettings = z.output<typeof exampleSettings>;
