/** Earlier versions of a call, as a row keeps them: the first half of each fingerprint. */

export const VERSION_LENGTH = 16;

/** Those in the column `versions`. */
export const versionsIn = (column: string): string[] => column.split(",").filter((one) => one.length === VERSION_LENGTH);

/** Whether a fingerprint is that of one of them. */
export const isOneOf = (earlier: string[], fingerprint: string): boolean => earlier.includes(fingerprint.slice(0, VERSION_LENGTH));
