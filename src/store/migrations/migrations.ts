// The functions behind the commands `db-up`, `db-down`, `db-current` and `db-show`, for every kind of database.

export interface Migration {
  readonly version: number;
  readonly name: string;
  /** Unix seconds, or null when it is not applied. */
  readonly appliedAt: number | null;
}

export interface Migrations {
  /** Applies all migrations that are not applied, and returns them in order. */
  up(): Promise<readonly Migration[]>;
  /** Reverts the newest migration with all data in its tables. Undefined when there is none. */
  down(): Promise<Migration | undefined>;
  /** Returns the version of the schema, 0 when there is none. */
  current(): Promise<number>;
  list(): Promise<readonly Migration[]>;
  /** True if a process with this URL can change or drop the tables. False where there are no roles, or no tables. */
  owns(): Promise<boolean>;
  close(): Promise<void>;
}

/** Applies one migration after another until none is left. */
export async function applyAll(applyNext: () => Promise<Migration | undefined>): Promise<readonly Migration[]> {
  const all: Migration[] = [];
  for (;;) {
    const migration = await applyNext();
    if (!migration) return all;
    all.push(migration);
  }
}
