// Programs of other schema versions: this build with more migrations behind its own or with fewer, in a folder of its own.
import { cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
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
export const makeLaterProgram = (...migrations: readonly string[]): OtherProgram => makeProgram(present, migrations);

/** A program that knows no later migration than this one. */
export const makeEarlierProgram = (version: number): OtherProgram => makeProgram(version, []);

function makeProgram(version: number, migrations: readonly string[]): OtherProgram {
  const folder = mkdtempSync(path.join(tmpdir(), "ampho-later-"));
  cpSync(path.join(root, "dist"), path.join(folder, "dist"), { recursive: true });
  cpSync(path.join(root, "package.json"), path.join(folder, "package.json"));
  symlinkSync(path.join(root, "node_modules"), path.join(folder, "node_modules"));
  const later = migrations.map((members, at) => `{ version: ${present + at + 1}, ${members} }`);
  const list = path.join(folder, "dist/store/migrations/known.js");
  const now = readdirSync(path.dirname(list)).filter((name) => /^\d{4}-.*\.js$/.test(name));
  writeFileSync(
    list,
    `${now.map((name, at) => `import * as m${at} from "./${name}";`).join("\n")}
     const now = [${now.map((_, at) => `m${at}`).join(", ")}].flatMap((module) => Object.values(module)).slice(0, ${version});
     export const known = [...now, ${later.join(", ")}];`,
  );
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
