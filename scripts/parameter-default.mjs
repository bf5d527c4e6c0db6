// The default of a parameter, as docs and editors show it.
export function defaultOf({ kind, default: value, defaultText }) {
  if (defaultText !== undefined) return defaultText;
  if (value === undefined) return "none";
  if (kind.format !== undefined) return kind.format(value);
  return `\`${typeof value === "string" ? value : JSON.stringify(value)}\``;
}
