import { describe, expect, test } from "vitest";
import { slack } from "../../connectors/slack/index.ts";
import type { Connector } from "../../src/connector/index.ts";
import { requestsForOddCalls } from "./support/deliver-odd-calls.ts";
import { outside } from "./support/outside.ts";
import { askPython } from "./support/python.ts";

const { folder, skipped, note } = outside("python");

/** Blocks are parsed and validated by Slack's own Python SDK; what it does not know is lost on the way through it. */
const PROGRAM = `
import json, sys
from slack_sdk.models.blocks import Block
from slack_sdk.models.metadata import Metadata
answers = []
for message in json.load(sys.stdin):
    try:
        blocks = Block.parse_all(message["blocks"])
        for block in blocks:
            block.validate_json()
        metadata = message.get("metadata")
        if metadata:
            Metadata(**metadata).validate_json()
        answers.append({"error": None, "blocks": [block.to_dict() for block in blocks]})
    except Exception as error:
        answers.append({"error": f"{type(error).__name__}: {error}"})
json.dump(answers, sys.stdout)
`;

interface Message {
  blocks: unknown[];
  metadata?: unknown;
  text: string;
}

describe(`Slack's own SDK for Python${note}`, () => {
  test.skipIf(skipped)("takes the blocks and metadata of every odd call, and knows every part of them", async () => {
    const written = await requestsForOddCalls(slack as unknown as Connector);
    const messages = written.map(({ request }) => request.body as Message);
    expect(messages.length).toBeGreaterThan(40);
    const input = messages.map(({ blocks, metadata }) => ({ blocks, metadata }));
    const answers = await askPython<{ error: string | null; blocks?: unknown[] }[]>({
      folder,
      program: PROGRAM,
      input,
    });
    const faults = answers.flatMap(({ error }, index) => (error === null ? [] : [`${written[index]?.what}: ${error}`]));
    expect(faults).toEqual([]);
    for (const [index, { blocks }] of answers.entries()) expect(blocks).toEqual(messages[index]?.blocks);
  });
});
