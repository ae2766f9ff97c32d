import { httpSettings, secret, z } from "../../src/connector/index.ts";

export const slackSettings = z.strictObject({
  token: secret().describe("Bot token of an app with the scopes chat:write and channels:history: xoxb-…"),
  ...httpSettings,
  // What Slack takes of a channel for long. Without it most requests of a busy hour are refused (429), and posted again.
  rate: httpSettings.rate.default("1/s"),
});

export type SlackSettings = z.output<typeof slackSettings>;
