import { AmphoError } from "../errors.js";

/** The cause is for the operator, and never for a caller. */
export const databaseUnavailable = (cause: Error): AmphoError =>
  new AmphoError("unavailable", "The database does not respond.", { retryAfterSeconds: 1 }, { cause });

/** A call after `close()` is a fault of the program, and no retry helps. */
export const instanceClosed = (): AmphoError =>
  new AmphoError("unavailable", "This instance is closed. Create another one with createAmpho.");

/**
 * The database could not be opened, and a person can fix the cause: a path that is a folder, a schema that is too new.
 * The message is one line for people, and no stack is needed with it.
 * @example
 * try {
 *   await createAmpho({ databaseUrl: "sqlite:/nowhere/ampho.db" });
 * } catch (error) {
 *   if (error instanceof DatabaseError) console.error(error.message);
 * }
 */
export class DatabaseError extends Error {
  override readonly name = "DatabaseError";
}
