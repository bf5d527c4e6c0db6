// Whether something from outside is what it should be, by the one text that tells it from everything else.

export function hasText<T>(value: unknown, name: keyof T & string): value is T {
  return typeof Object(value)[name] === "string";
}
