// Lines of the log, for the operator of the process.
import { isError } from "./errors.js";

const notAnError = "a value that is no Error was thrown";

export function signingKeyRevokedLine(kid: string): string {
  return [
    `The signing key ${kid} was revoked. Login and renewal return 503 until there is another key.`,
    "Run `ampho sec-rotate-key --in-place` (docs/operate/keys.md, Replace a stolen key).",
  ].join(" ");
}

/** `aheadSeconds`: how far the machine's clock is ahead of the database's. 0 means that they agree again. */
export function clockLine(aheadSeconds: number): string {
  if (aheadSeconds === 0) return "This machine's clock agrees with the database's again.";
  const side = aheadSeconds > 0 ? "ahead of" : "behind";
  return `This machine's clock is ${Math.abs(aheadSeconds)} s ${side} the database's, which Ampho uses. Set it.`;
}

/** The message of the database driver. It contains nothing that a user typed and no part of a URL. */
export function reasonOf(error: unknown): string {
  const cause = isError(error) && isError(error.cause) ? error.cause : error;
  return isError(cause) ? cause.message : notAnError;
}

/** The stack of a bug goes to the log and never into a response. */
export function internalErrorLine(error: unknown): string {
  return `internal error: ${stackOf(error)}`;
}

export function userTableLine(state: "failing" | "answering" | "undecided", cause: unknown): string {
  if (state === "failing") return `The user table fails: ${stackOf(cause)}`;
  if (state === "answering") return "The user table responds again.";
  return "users.verify returned neither true nor false. Only true accepts a password.";
}

function stackOf(error: unknown): string {
  return isError(error) ? (error.stack ?? error.message) : notAnError;
}
