import { describeAfter } from "../contracts/delivery-after.contract.ts";
import { sqliteHarness } from "./sqlite-harness.ts";

describeAfter(sqliteHarness());
