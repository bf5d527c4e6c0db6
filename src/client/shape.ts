// Checks a value from outside by the one text member that distinguishes it.

export function hasText<T>(value: unknown, name: keyof T & string): value is T {
  return typeof Object(value)[name] === "string";
}
