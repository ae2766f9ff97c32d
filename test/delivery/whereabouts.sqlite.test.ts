import { describeWhereabouts } from "../whereabouts.contract.ts";
import { sqliteHarness } from "./sqlite-harness.ts";

describeWhereabouts(sqliteHarness());
