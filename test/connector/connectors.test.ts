import { connectors } from "../../connectors/index.ts";
import { describeConnector } from "../contracts/connector.contract.ts";

/** Every connector that ships is held to the contract. */
for (const connector of Object.values(connectors)) await describeConnector(connector);
