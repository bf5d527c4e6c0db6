export function generate(): Readonly<Record<string, string>>;
export function testsOf(text: string): ReadonlyMap<string, readonly string[]>;
