// Access to what all files of one run share. See shared.ts.
const address = () => process.env["SHARED_IN_THIS_RUN"];

/** This process is part of a run of Vitest. Programs of bench/ are not. */
export const isShared = (): boolean => address() !== undefined;

async function shared(name: string): Promise<string> {
  const url = address();
  if (url === undefined) throw new Error("These tests run under Vitest, which starts test/world/shared.ts.");
  const response = await fetch(`${url}/${name}`);
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return text;
}

/** The path of the packed package, of the present build. */
export const packed = (): Promise<string> => shared("tarball");

/** The address of the PostgreSQL server, for a role that can create roles and databases. */
export const postgresUrl = (): Promise<string> => shared("postgres");

/** A port that is handed out once in the run. */
export const reservedPort = async (): Promise<number> => Number(await shared("port"));
