/**
 * What the destination gave back. `extra` is the connector's own (a Slack channel, which notes were written).
 * It is kept for long: a person's name may stand in `person`, a number, summary or transcript nowhere.
 */
export interface Receipt {
  id: string;
  url?: string;
  /** The person that the call is logged on. */
  person?: Person;
  /** How many people had the number, where the destination was asked: 0 and several are listed by `deliveries --unmatched` until a person decides. */
  found?: number;
  extra?: Record<string, string>;
}

/** A person of a CRM. */
export interface Person {
  id: string;
  /** `contact`, `lead`, `account`, as the CRM calls it, in small letters. */
  kind: string;
  name?: string;
  /** Email address of who owns the record. */
  owner?: string;
  url?: string;
}
