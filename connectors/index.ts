/** Every connector that ships: a new one is its folder and one line here. */
import type { Connector } from "../src/connector/index.ts";
import { archive } from "./archive/index.ts";
import { discord } from "./discord/index.ts";
import { hubspot } from "./hubspot/index.ts";
import { salesforce } from "./salesforce/index.ts";
import { slack } from "./slack/index.ts";
import { teams } from "./teams/index.ts";
import { warehouse } from "./warehouse/index.ts";
import { webhook } from "./webhook/index.ts";

export const connectors = { archive, discord, hubspot, salesforce, slack, teams, warehouse, webhook } as unknown as Record<
  string,
  Connector
>;
