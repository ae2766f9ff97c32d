import { describeDelivery } from "../contracts/delivery.contract.ts";
import { sqliteHarness } from "./sqlite-harness.ts";

describeDelivery(sqliteHarness());
