// What `authorize` of every framework needs: of an `Ampho`, or of a verifier that holds no store.
import type { Auth, Need } from "../auth/auth.js";
import type { HttpAnswer } from "./message.js";

export interface GuardHost {
  /** A promise only where there is something to wait for. */
  guard<R>(
    authorization: string | undefined,
    need: Need<R> | undefined,
    request: R,
  ): Auth | undefined | Promise<Auth | undefined>;
  /** The answer of contract §4 to what `guard` throws. */
  refusal(error: unknown): HttpAnswer;
  /** False: it has no store, and a need with `strict` is a TypeError where it is written. */
  readonly strict?: false;
}
