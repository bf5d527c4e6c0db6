// Reads a key from stdin: a JWK or a JWK Set.
import { ConfigurationError } from "../../errors.js";
import { UsageError } from "../failures.js";

/** A set of a hundred RSA keys is far smaller. */
export const keyBytesMax = 1 << 20;

/** @throws UsageError without the text, which can be a key */
export function parseKey(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch {
    // The message of the parser cites the text.
    throw new UsageError("The key on stdin is not JSON.");
  }
}

/** A bad key on stdin is wrong use of the command and not a wrong configuration. */
export function asUsage<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof ConfigurationError) throw new UsageError(`The key on stdin cannot be used: ${error.message}.`);
    throw error;
  }
}
