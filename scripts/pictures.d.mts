export function draw(source: string): string;
export function generate(): Readonly<Record<string, string>>;
