// Pastes blocks of the documents into an interactive shell on a terminal, as a reader does, in a folder with the packed package.
// Of npm only `install` is replaced: it links what the registry would send, and fails for a package that is not there.
import { chmodSync, cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { onTerminal } from "../cli/pseudo-terminal.js";
import { type Consumer, installPacked } from "../examples/packed.js";
import { freshFolder } from "../world/folder.js";
import { freePort } from "../world/free-port.js";
import { startOpenIdProvider } from "../world/open-id-provider.js";
import { alice } from "../world/people.js";
import { command, freshPlace, startServe } from "../world/serve.js";
import { useDatabase } from "../world/use-postgres.js";
import { blocksOf, isFor, type Pasted, pasted, type Typed } from "./blocks.js";
import { root as repository } from "./readme.js";

const database = useDatabase();
let consumer: Consumer;
let bin: string;
beforeAll(async () => {
  consumer = await installPacked();
  const modules = path.join(consumer.folder, "node_modules");
  mkdirSync(path.join(modules, ".bin"));
  symlinkSync("../ampho/dist/cli/main.js", path.join(modules, ".bin/ampho"));
  chmodSync(consumer.ampho, 0o755);
  bin = freshFolder();
  const npm = path.join(path.dirname(process.execPath), "npm");
  const install = `#!/bin/sh -e
[ "$1" = install ] || exec "${npm}" "$@"
shift
[ -e package.json ] || echo "{}" > package.json
[ -e node_modules ] || ln -s "${modules}" node_modules
for name; do test -e "node_modules/$name/package.json"; done\n`;
  writeFileSync(path.join(bin, "npm"), install, { mode: 0o700 });
  symlinkSync(path.join(modules, ".bin/ampho"), path.join(bin, "ampho"));
});
afterAll(() => consumer?.remove());

const prompt = "reader$ ";
const shell = ["timeout", "--foreground", "--signal=KILL", "90", "bash", "--norc", "--noprofile", "--noediting", "-i"];
const interrupt = "\x03";
const next = (code: string): Typed => [prompt, code];
const failing = `failed=; trap 'failed="$failed [$BASH_COMMAND]"' ERR\n`;
// It waits in the terminal for the end of the blocks. A command that asks too early would get it.
const ending = 'echo "failed:$failed."; kill -9 $(jobs -p) 2> /dev/null; exit 0\n';

/** The blocks with the values of the reader. */
function codesOf(row: Pasted, values: Readonly<Record<string, string>>): readonly string[] {
  const blocks = row.begins.flatMap((begin) =>
    blocksOf(row.page).filter((block) => isFor({ page: row.page, begins: [begin] }, block)),
  );
  const replaced = Object.entries({ ...row.replaced, ...values });
  for (const [from] of replaced)
    expect(
      blocks.some(({ code }) => code.includes(from)),
      from,
    ).toBe(true);
  return blocks.map(({ code }) => replaced.reduce((text, [from, to]) => text.replaceAll(from, to), code));
}

/** Starts what the blocks talk to, and returns the place of the terminal. */
async function prepare(row: Pasted) {
  const place = freshPlace({ ...row.env, NODE_ENV: "" });
  for (const [name, text] of Object.entries(row.files ?? {})) {
    const [google] = /https:\/\/accounts\.google\.com/.exec(text) ?? [];
    const client = { clientId: "1234", clientSecret: "GOCSPX", redirectUris: ["https://app.example"] };
    const issuer = google && (await startOpenIdProvider(client)).issuer;
    writeFileSync(path.join(place.cwd, name), issuer ? text.replace(google, issuer) : text);
  }
  for (const line of row.before ?? []) {
    const { code, stderr } = await command(place, line.split(" "), alice.password);
    expect(code, stderr).toBe(0);
  }
  if (row.example !== undefined) {
    const filter = (source: string) => path.basename(source) !== "node_modules";
    cpSync(path.join(repository, "examples", row.example), place.cwd, { recursive: true, filter });
  }
  const port = String(await freePort());
  const url = row.served ? (await startServe(place)).root : "";
  return { ...place, env: { ...place.env, PORT: port, AMPHO_PORT: port, AMPHO_URL: url } };
}

it.each(pasted.map((row) => [`${row.page}, ${row.begins.join(", ")}`, row] as const))(
  "the commands of %s work when they are pasted",
  { timeout: 120_000 },
  async (_, row) => {
    const { cwd, env } = await prepare(row);
    const [first = "", ...more] = codesOf(row, row.postgres === undefined ? {} : { [row.postgres]: database.ownerUrl });
    const { PATH } = process.env;
    const { shown } = await onTerminal(
      shell,
      [
        [prompt, failing],
        [prompt, first],
        ...(row.asks ?? []),
        ...more.map(next),
        ...(row.listens ? [[row.listens, interrupt] as const] : []),
        next(ending),
      ],
      { cwd, env: { ...env, PATH: `${bin}:${PATH}`, PS1: prompt } },
    );
    const [, result = shown] = shown.split("failed:").slice(-2);
    // An interrupted server is no success.
    const failures = row.listens === undefined ? /^\./ : /^(?: \[[^\]]*\])?\./;
    expect(result, shown).toMatch(failures);
    for (const text of row.shows ?? []) expect(shown).toContain(text);
  },
);
