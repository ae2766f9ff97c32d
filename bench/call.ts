/** About 2.7 KB, most of it transcript, as a call of three minutes has. */
export function benchCall(callId: string): Buffer {
  return Buffer.from(
    JSON.stringify({
      call_id: callId,
      from_number: "+14155550100",
      to_number: "+18005551234",
      agent_id: "agent_abc123",
      duration_seconds: 147,
      start_time: "2026-01-15T14:23:00Z",
      end_time: "2026-01-15T14:25:27Z",
      recording_url: `https://recordings.voiceinfra.ai/${callId}.mp3`,
      call_outcome: "answered",
      summary: "Customer called about an appointment. Confirmed it. No changes requested.",
      transcript: "Agent: Good morning, how can I help you? Caller: I would like to confirm. ".repeat(30),
    }),
  );
}
