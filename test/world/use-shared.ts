// What the files of one run share, as the tests ask for it. shared.ts has it made.
async function shared(name: string): Promise<string> {
  const url = process.env["SHARED_IN_THIS_RUN"];
  if (url === undefined) throw new Error("These tests run under Vitest, which starts test/world/shared.ts.");
  const response = await fetch(`${url}/${name}`);
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return text;
}

/** The path of the package as it is packed, from the present build. */
export const packed = (): Promise<string> => shared("tarball");

/** The address of the PostgreSQL server, for a role that can create roles and databases. */
export const postgresUrl = (): Promise<string> => shared("postgres");
