// What the commands `db-up`, `db-down`, `db-current` and `db-show` need of every kind of database.

export interface Migration {
  readonly version: number;
  readonly name: string;
  /** Unix seconds, or null when it is not applied. */
  readonly appliedAt: number | null;
}

export interface Migrations {
  /** Applies all that are not; returns those, in order. */
  up(): Promise<readonly Migration[]>;
  /** Takes the newest back with all that its tables hold; undefined when there is none. */
  down(): Promise<Migration | undefined>;
  /** The version of the schema, 0 when there is none. */
  current(): Promise<number>;
  list(): Promise<readonly Migration[]>;
  /** Whether whoever serves with this URL could change or drop the tables; false where there are no roles, or no tables. */
  owns(): Promise<boolean>;
  close(): Promise<void>;
}

/** Repeats a step that applies one migration until there is none left. */
export async function applyAll(applyNext: () => Promise<Migration | undefined>): Promise<readonly Migration[]> {
  const all: Migration[] = [];
  for (;;) {
    const migration = await applyNext();
    if (!migration) return all;
    all.push(migration);
  }
}
