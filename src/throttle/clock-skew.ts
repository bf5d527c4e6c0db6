/**
 * Seconds by which the times of two callers can differ. Each reads its clock before it waits for the database, so that a
 * later caller can come with an earlier time. Only a time further ahead than this was written before the clock was set back.
 */
export const skewMaxSeconds = 15;
