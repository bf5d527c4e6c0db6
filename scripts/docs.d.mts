export function generateAll(): Promise<Readonly<Record<string, string>>>;
