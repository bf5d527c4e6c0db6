// Programs of later schema versions: this build with more migrations behind its own, in a folder of its own.
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { known } from "../../dist/store/migrations/known.js";

/** The schema version of this program. */
export const present = known.length;

const root = fileURLToPath(new URL("../..", import.meta.url));

export interface OtherProgram {
  /** Its command line. */
  readonly main: string;
  remove(): void;
}

/** A migration as the members of its object, but for the version, in JavaScript. */
export function makeLaterProgram(...migrations: readonly string[]): OtherProgram {
  const folder = mkdtempSync(path.join(tmpdir(), "ampho-later-"));
  cpSync(path.join(root, "dist"), path.join(folder, "dist"), { recursive: true });
  cpSync(path.join(root, "package.json"), path.join(folder, "package.json"));
  symlinkSync(path.join(root, "node_modules"), path.join(folder, "node_modules"));
  const later = migrations.map((members, at) => `{ version: ${present + at + 1}, ${members} }`);
  // The thread of SQLite has its own copy of the list.
  for (const name of ["dist/management-chunk.js", "dist/store/sqlite/worker.js"]) {
    const file = path.join(folder, name);
    const text = readFileSync(file, "utf8");
    const [before = "", now = ""] = /\bknown = \[([^\]]*)\]/.exec(text) ?? [];
    if (before === "" || now.split(",").length !== present) throw new Error(`${name} has no list of the migrations`);
    writeFileSync(
      file,
      text.replace(before, () => `known = [${[now, ...later].join(", ")}]`),
    );
  }
  return {
    main: path.join(folder, "dist/cli/main.js"),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** A column and an index that the programs before know nothing of. */
export const expanding = `name: "expanding", servesFrom: ${known.at(-1)?.servesFrom},
  up: ({ text }) => [\`alter table ampho_sessions add column label \${text}\`],
  indexes: [{ name: "ampho_sessions_label", on: "ampho_sessions (renewed_at, label)" }],
  down: () => ["alter table ampho_sessions drop column label"]`;

/** Removes a part that only programs before the expanding one use. */
export const contracting = `name: "contracting", servesFrom: ${present + 1},
  up: () => ["drop index ampho_sessions_remove"],
  down: () => ["create index ampho_sessions_remove on ampho_sessions (delete_after)"]`;
