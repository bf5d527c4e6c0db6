// The folder of a consumer with the packed tarball in it, as `npm install` leaves it. The dependencies are links to ours.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { execFileSync } from "../../scripts/child-process.mjs";
import { packed } from "../world/use-shared.js";

const root = path.resolve(import.meta.dirname, "../..");

export interface Consumer {
  readonly folder: string;
  /** The installed command. */
  readonly ampho: string;
  remove(): void;
}

/**
 * `examples` are copied beside `node_modules`, one folder each. With `peers`, only these are installed beside Ampho and its
 * dependencies.
 */
export async function installPacked(examples: readonly string[] = [], peers?: readonly string[]): Promise<Consumer> {
  const folder = mkdtempSync(path.join(tmpdir(), "ampho-consumer-"));
  const modules = path.join(folder, "node_modules");
  mkdirSync(path.join(modules, "ampho"), { recursive: true });
  execFileSync("tar", ["-xzf", await packed(), "-C", path.join(modules, "ampho"), "--strip-components=1"]);
  if (peers === undefined) for (const name of readdirSync(path.join(root, "node_modules"))) link(modules, name);
  else for (const name of [...dependenciesOf(path.join(modules, "ampho")), ...peers]) linkOne(modules, name);
  for (const example of examples) {
    const filter = (source: string) => !/node_modules|build$/.test(path.basename(source));
    cpSync(path.join(root, "examples", example), path.join(folder, example), { recursive: true, filter });
  }
  return {
    folder,
    ampho: path.join(modules, "ampho/dist/cli/main.js"),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function dependenciesOf(folder: string): readonly string[] {
  return Object.keys(JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8")).dependencies);
}

function linkOne(modules: string, name: string): void {
  mkdirSync(path.dirname(path.join(modules, name)), { recursive: true });
  symlinkSync(path.join(root, "node_modules", name), path.join(modules, name));
}

function link(modules: string, name: string): void {
  const source = path.join(root, "node_modules", name);
  const target = path.join(modules, name);
  if (name.startsWith(".") || existsSync(target)) return;
  if (name.startsWith("@")) {
    mkdirSync(target);
    for (const inner of readdirSync(source)) symlinkSync(path.join(source, inner), path.join(target, inner));
  } else symlinkSync(source, target);
}
