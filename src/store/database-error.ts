// Why a store could not be opened, where a person can mend it.

/** The message is one line for people: a path that is a folder, a schema that is too new. No stack is needed with it. */
export class DatabaseError extends Error {
  override readonly name = "DatabaseError";
}
