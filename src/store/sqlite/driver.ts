// The SQLite library: `node:sqlite` where Node has it without a flag (22.13), else the package of the same API.
import { createRequire, isBuiltin } from "node:module";
import { ConfigurationError } from "../../errors.js";
import type { Row, SqlValues } from "../rows.js";

export type DriverName = "node" | "package";

export interface SqliteModule {
  readonly DatabaseSync: new (
    path: string,
  ) => {
    exec(sql: string): void;
    prepare(sql: string): { all(...parameters: SqlValues): readonly Row[] };
    close(): void;
  };
}

/** The drivers that this process has. */
export const availableDrivers = (): readonly DriverName[] =>
  (["node", "package"] as const).filter((name) => load[name]());

/** The default driver, for the main thread: the worker would not know of `--no-experimental-sqlite`. */
export const usualDriver = (): DriverName => (isBuiltin("node:sqlite") ? "node" : "package");

/** Throws ConfigurationError if there is none. */
export function loadDriver(wanted: DriverName | undefined): SqliteModule {
  const found = wanted ? load[wanted]() : (load.node() ?? load.package());
  if (found) return found;
  throw new ConfigurationError(`${noSqlite.message} ${noSqlite.fix}`);
}

export const noSqlite = {
  message: "This Node has no SQLite.",
  fix: "Use Node 22.13 or newer, or install the optional package: npm install @photostructure/sqlite@1",
};

const load: Readonly<Record<DriverName, () => SqliteModule | undefined>> = {
  node: () => asModule(process.getBuiltinModule?.("node:sqlite")),
  package: () => {
    try {
      return asModule(createRequire(import.meta.url)("@photostructure/sqlite"));
    } catch {
      return undefined;
    }
  },
};

function asModule(value: unknown): SqliteModule | undefined {
  const isModule = (module: unknown): module is SqliteModule =>
    typeof module === "object" && module !== null && "DatabaseSync" in module;
  return isModule(value) ? value : undefined;
}
