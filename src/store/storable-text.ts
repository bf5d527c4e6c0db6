// Texts that the database can contain.

/** A token that other software signed can contain NUL. The drivers reject a NUL in a text as a bug of Ampho. */
export const isStorableText = (name: string): boolean => !name.includes("\0");

/** True if the value can be an id or a login. */
export const isStorableName = (value: unknown): value is string =>
  typeof value === "string" && value !== "" && isStorableText(value);
