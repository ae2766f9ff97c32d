/** How long a registry may take, in milliseconds: all are asked at a time, and five minutes hold everything. */
export const FETCH_WITHIN_MS = 200_000;

export const TOO_SLOW = `it took more than ${FETCH_WITHIN_MS / 1_000} s`;
