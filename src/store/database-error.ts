/**
 * The database could not be opened, and a person can fix the cause: a path that is a folder, a schema that is too new. The
 * message is one line for people, and no stack is needed with it.
 */
export class DatabaseError extends Error {
  override readonly name = "DatabaseError";
}
