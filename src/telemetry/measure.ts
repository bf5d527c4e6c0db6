// Helpers of the observers: the duration and the result of a call.
import { AmphoError, type ErrorCode } from "../errors.js";

export function codeOf(error: unknown): ErrorCode {
  return error instanceof AmphoError ? error.code : "internal_error";
}

/** Returns the error's code if it is a value of the label. Any other error counts as a bug. */
export function resultLabelOf<const R extends string>(error: unknown, results: readonly R[]): R | "internal_error" {
  const code = codeOf(error);
  return results.find((result) => result === code) ?? "internal_error";
}

export const secondsSince = (startMs: number): number => (performance.now() - startMs) / 1000;
