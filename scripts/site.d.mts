export function buildSite(folder: string): void;
export function serveSite(folder: string, port: number): Promise<{ readonly url: string; close(): Promise<void> }>;
