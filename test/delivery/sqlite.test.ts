import { describeDelivery } from "../delivery.contract.ts";
import { sqliteHarness } from "./sqlite-harness.ts";

describeDelivery(sqliteHarness());
