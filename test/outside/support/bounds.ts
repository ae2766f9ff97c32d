/** How long a registry may take, in milliseconds: all are asked at a time, and five minutes hold everything. */
export const FETCH_WITHIN_MS = 150_000;
