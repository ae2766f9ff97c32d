import { describeWhereabouts } from "../contracts/call-states.contract.ts";
import { sqliteHarness } from "./sqlite-harness.ts";

describeWhereabouts(sqliteHarness());
