// Keys of requests that a user can repeat (docs/reference/contract.md §4).
import { randomId } from "./random.js";

/** Returns the Idempotency-Key of a request by what it sends: after a lost response, the same proof gets the same response again. */
export function createKeys(): (sent: unknown) => string {
  const keys = new Map<string, string>();
  return (sent) => {
    const text = JSON.stringify(sent);
    const key = keys.get(text) ?? randomId();
    keys.set(text, key);
    return key;
  };
}
