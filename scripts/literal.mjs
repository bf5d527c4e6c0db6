// Values as TypeScript, for docs.

/** A JSON value as an expression. */
export function literal(value) {
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(([name, each]) => `${memberName(name)}: ${literal(each)}`);
  return `{ ${members.join(", ")} }`;
}

const memberName = (name) => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name));
