// What the observed deps share: how long, and what came of it.
import { AmphoError, type ErrorCode } from "../errors.js";

export function codeOf(error: unknown): ErrorCode {
  return error instanceof AmphoError ? error.code : "internal_error";
}

/** The error's code if a label may have it; what nobody expects is a bug. */
export function resultOf<const R extends string>(error: unknown, results: readonly R[]): R | "internal_error" {
  const code = codeOf(error);
  return results.find((result) => result === code) ?? "internal_error";
}

export const secondsSince = (startMs: number): number => (performance.now() - startMs) / 1000;
