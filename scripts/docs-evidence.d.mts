export function generate(): Readonly<Record<string, string>>;
