/** What people did, kept for ever: who, when, why. Each action is sealed with the one before it (`seals.ts`). */

export interface Action {
  at: number;
  /** As the person names themselves (`PATCHBAY_USER`), or the process. */
  by: string;
  /** The system's user and machine: `deploy@vm-3`; "" of actions older than version 5 of the ledger. */
  system: string;
  route: string;
  action: string;
  detail: string;
}

export type NewAction = Omit<Action, "at" | "system">;

/** `seal`: made of the action, its number and the seal before it. */
export interface SealedAction extends Action {
  /** From 1, without a gap. */
  seq: number;
  seal: string;
}

export interface ActionLedger {
  /** Newest first. */
  actions(options: { route?: string; action?: string; limit: number }): Promise<Action[]>;
  /** Adds the time and the system's user. What an action changes in the ledger is changed by the method that records it, in one transaction. */
  note(action: NewAction): Promise<void>;
  /** One page in the order in which they were recorded, behind the number `after`. */
  sealedActions(options: { after: number; limit: number }): Promise<SealedAction[]>;
  /** The newest, as it is kept beside the table (0 and "": there is none), and how many rows have no seal: another program wrote them. */
  actionsHead(): Promise<{ seq: number; seal: string; unsealed: number }>;
}
