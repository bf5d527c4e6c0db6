// A key on stdin: a JWK or a JWK Set.
import { ConfigurationError } from "../errors.js";
import { UsageError } from "./failure.js";

/** A set of a hundred RSA keys is far below. */
export const keyBytesMax = 1 << 20;

/** @throws UsageError; the text, which may be a key, is not in it */
export function parseKey(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch {
    // The parser's own message cites the text.
    throw new UsageError("what came on stdin is not JSON");
  }
}

/** Of what was typed for this run: a mistake there is one of use. */
export function asUsage<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof ConfigurationError) throw new UsageError(`the key on stdin cannot be used: ${error.message}`);
    throw error;
  }
}
