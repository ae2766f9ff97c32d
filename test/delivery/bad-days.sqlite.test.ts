import { describeBadDays } from "../contracts/delivery-bad-days.contract.ts";
import { sqliteHarness } from "./sqlite-harness.ts";

describeBadDays(sqliteHarness());
