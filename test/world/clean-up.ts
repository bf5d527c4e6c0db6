// Closes what the tests of one file have opened, in reverse order after the file. See set-up.ts.
const opened: (() => unknown)[] = [];

export function atEndOfFile(close: () => unknown): void {
  opened.push(close);
}

/** Closes everything. Programs that use this folder without Vitest call it themselves. */
export async function cleanUp(): Promise<void> {
  for (const close of opened.splice(0).reverse()) await close();
}
