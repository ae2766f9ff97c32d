/** What `patchbay certify --help` says beside its options: also what each column means. */
export const certifyHelp = `
The connector is one of ours by its name, a file, or a package:
  patchbay certify slack
  patchbay certify ./my-connector.ts
  patchbay certify @acme/patchbay-zendesk --json
  patchbay certify hubspot --only 429 "half a"

It runs against the connector's own sandbox on this machine, through the product's own routes; nothing is sent anywhere else,
and no credential is needed. Each case says how often the connector
  lost            called a call delivered that is not there, gave one up without need, or blanked what was sent before
  doubled         made a second record or message of one call
  wrong class     said something else than what happened (429 as delivered, 401 as rejected), or did not end in time
  limits broken   asked again although the destination had asked for a wait
  leaked          put a number, a text of the call or a secret into an outcome, a receipt or its output
What the connector's sandbox or its API does not have is "not offered" and counts as nothing.

Exit codes: 0 nothing to find fault with, 1 at least one, 2 no such connector. docs/certify.md explains each case.`;
