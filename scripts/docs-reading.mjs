// Generates docs/security/what-to-audit.md: the files that a request to the guard, `/login` and `/renew` reaches, room by room in
// reading order, and the rooms of the rest. The rooms come from ARCHITECTURE.md, the files from the imports.
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseSync } from "oxc-parser";
import { wrap } from "./wrap.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const src = path.join(root, "src");

/** From here on, imports lead to the rest. The flows get the operations of the database as an object, so these are named. */
const entries = [
  "http/node/serve-request.ts",
  "http/rest/routes/login.ts",
  "http/rest/routes/sessions.ts",
  "adapters/framework.ts",
  "guard/guard.ts",
  "guard/live-check.ts",
  "flows/ways/password.ts",
  "flows/ways/renew.ts",
  "passwords/hash-worker.ts",
  "throttle/throttle.ts",
  "sessions/follow-revocations.ts",
  "store/sql/attempts/attempts.ts",
  "store/sql/gate/renewal.ts",
  "store/sql/rows/revocations.ts",
  "store/sql/gate/session-grants.ts",
  "store/sql/rows/sessions.ts",
  "store/sql/rows/state.ts",
  "store/sql/rows/users.ts",
  "store/sqlite/connection.ts",
  "store/sqlite/queue.ts",
  "store/sqlite/thread.ts",
];

const read = (name) => readFileSync(path.join(src, name), "utf8");
/** To hundreds, so that not every commit changes the page. */
function sum(names) {
  const lines = names.reduce((total, name) => total + read(name).split("\n").length - 1, 0);
  return lines < 100 ? "< 100" : (Math.round(lines / 100) * 100).toLocaleString("en-US").replaceAll(",", " ");
}

/** The modules that a module loads. Imports of types load nothing. */
function importsOf(name) {
  const { staticImports, staticExports } = parseSync(name, read(name)).module;
  const loads = ({ entries: all }) => all.length === 0 || all.some(({ isType }) => !isType);
  return [
    ...staticImports.filter(loads).map(({ moduleRequest }) => moduleRequest.value),
    ...staticExports.flatMap((each) =>
      each.entries.flatMap(({ isType, moduleRequest }) => (isType ? [] : (moduleRequest?.value ?? []))),
    ),
  ]
    .filter((target) => target.startsWith("."))
    .map((target) => path.join(path.dirname(name), target.replace(/\.js$/, ".ts")));
}

function reached() {
  const found = new Set(entries);
  for (const name of found) for (const target of importsOf(name)) found.add(target);
  return found;
}

/** The path and the text of the page. */
export function generate() {
  const rooms = [
    ...readFileSync(path.join(root, "ARCHITECTURE.md"), "utf8").matchAll(/^\| `([\w.-]+)\/?` \| (.*?) \| .*? \|$/gm),
  ];
  const all = readdirSync(src, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
  const inRoom = (room) => all.filter((name) => name === room || name.startsWith(`${room}/`)).sort();
  const needed = reached();
  const rows = rooms
    .filter(([, room]) => inRoom(room).length > 0)
    .map(([, room]) => ({
      room,
      needed: inRoom(room).filter((name) => needed.has(name)),
    }));
  const first = rows.filter((row) => row.needed.length > 0);
  const short = (room, name) => `\`${name === room ? room : name.slice(room.length + 1)}\``;
  const text = `# What to audit

A request to the guard, \`POST /login\` with a password and \`POST /renew\` can reach ${needed.size} files with about
${sum([...needed])} lines, on SQLite. They decide who gets in. Read them in this order: a room imports only rooms above it.
\`scripts/docs-reading.mjs\` finds the files by their imports.

${first.map(({ room, needed: names }) => `- \`${room}\`, ${sum(names)} lines${names[0] === room ? "" : `:\n  - ${wrap(names.map((name) => short(room, name)).join(", "), "    ", 116)}`}`).join("\n")}

## Know what the rest is for

The other files, with about ${sum(all.filter((name) => !needed.has(name)))} lines, are for other ways in, changes of accounts, pages, commands and clients.

[Architecture](../../ARCHITECTURE.md#find-a-room) states what each room of \`src/\` is for.
`;
  return { "docs/security/what-to-audit.md": text };
}
