// What an Ampho tells whoever runs the process, in words.
import { isError } from "./errors.js";

const noError = "something that is no Error was thrown";

export function signingKeyRevokedLine(kid: string): string {
  const mend = "`ampho sec-rotate-key --keep 0 --in-place` (docs/keys.md, A key was stolen)";
  return `the key that signs, ${kid}, was revoked: logins and renewals answer 503 until there is another, ${mend}`;
}

export function clockOffLine(machineAheadSeconds: number): string {
  const way = machineAheadSeconds > 0 ? "ahead of" : "behind";
  return `the clock of this machine is ${Math.abs(machineAheadSeconds)} s ${way} the store's, which is used`;
}

/** What the store's driver says is for whoever runs the process. It holds nothing that a user typed, and no part of a URL. */
export function reasonOf(error: unknown): string {
  const cause = isError(error) && isError(error.cause) ? error.cause : error;
  return isError(cause) ? cause.message : noError;
}

/** A bug has to be found: its stack goes to whoever runs the process, never to whoever sent the request. */
export function internalErrorLine(error: unknown): string {
  return `internal error: ${stackOf(error)}`;
}

export function userTableLine(state: "failing" | "answering" | "undecided", cause: unknown): string {
  if (state === "undecided") return "users.verify answered neither true nor false: only true lets anybody in";
  return state === "failing" ? `the user table does not answer: ${stackOf(cause)}` : "the user table is back";
}

function stackOf(error: unknown): string {
  return isError(error) ? (error.stack ?? error.message) : noError;
}
