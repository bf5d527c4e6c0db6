// Which names of a token can be those of a row.

/** The store takes NUL in a text for a bug of ours; a token that other software has made may hold it. */
export const isStorableText = (name: string): boolean => !name.includes("\0");

/** Whether it can be an id or a login at all. */
export const isStorableName = (value: unknown): value is string =>
  typeof value === "string" && value !== "" && isStorableText(value);
