import { ambiguousSettings, httpSettings, Secret, secret, z } from "../../src/connector/index.ts";
import { wrongWithUrl } from "./workflow-url.ts";

export const teamsSettings = z
  .strictObject({
    url: secret().describe(
      "The flow's address, as the Workflows app shows it, with its sig=…: who has it can post. Host *.environment.api.powerplatform.com; *.logic.azure.com for a Logic App of your own",
    ),
    ...httpSettings,
    rate: httpSettings.rate.default("1/s"),
    ...ambiguousSettings,
  })
  // On the whole, not on the key: the key stays one that takes any text, which is how routes.yaml knows it for a secret.
  .superRefine(({ url }, context) => {
    // Zod calls this too when the key itself was refused.
    const wrong = url instanceof Secret ? wrongWithUrl(url.reveal()) : undefined;
    if (wrong) context.addIssue({ code: "custom", path: ["url"], message: wrong });
  });

export type TeamsSettings = z.output<typeof teamsSettings>;
