// How far the clocks of those who write to one store may lie apart.

/**
 * Seconds by which what two callers take for now may differ: each reads its clock before it waits for the store, so one may
 * come later and say an earlier time. Only what lies further ahead was written before the clock was set back.
 */
export const skewMaxSeconds = 15;
