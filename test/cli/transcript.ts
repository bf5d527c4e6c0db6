// Transcripts of the command line: plain files with what is typed and what is then printed.
//
// - `# a comment`
// - `= NAME=value` sets an environment variable for the rest of the file. An empty value unsets it.
// - `@ name text` adds a line to a file in the working directory. The first one replaces the file.
// - `$ ampho args 'as in sh'` runs a command. `cat FILE` and `mode FILE` are commands too.
// - `< text` is a line on its stdin, and `<. text` one without a line end.
// - `| text` is a line on its stdout.
// - `! text` is a line on its stderr.
// - `? 1` is its exit code. Without this line it is 0.
//
// The lines about applied migrations on stderr are left out, so that a new migration changes few transcripts. So is the
// line that names the database of the folder, which test/cli/databases.system.test.ts expects of every command.
//
// In output, «name» matches a text that is not known before. From then on it stands for that text, also in input. «name:kind»
// gives its form. «_» is not kept. «pages» is known: it is the folder of the package.
import { appendFileSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ampho, type Outcome } from "../world/command.js";

const kinds: Readonly<Record<string, string>> = {
  id: "[A-Za-z0-9_.-]+",
  seconds: "\\d{10}",
  time: "\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d",
  minute: "\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d",
  any: ".*",
};
const packageFolder = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");
const placeholder = /«(\w+)(?::(\w+))?»/g;

interface Step {
  readonly typed: string;
  stdin: string;
  readonly stdout: string[];
  readonly stderr: string[];
  code: number;
}

type Line =
  | { readonly kind: "env"; readonly text: string }
  | { readonly kind: "file"; readonly text: string }
  | { readonly kind: "step"; readonly step: Step };

function parse(text: string): readonly Line[] {
  const lines: Line[] = [];
  let step: Step | undefined;
  const open = () => {
    if (step === undefined) throw new Error("a line before the first command");
    return step;
  };
  const actions: Readonly<Record<string, (rest: string) => void>> = {
    "#": () => {},
    "=": (rest) => lines.push({ kind: "env", text: rest }),
    "@": (rest) => lines.push({ kind: "file", text: rest }),
    $: (rest) => {
      step = { typed: rest, stdin: "", stdout: [], stderr: [], code: 0 };
      lines.push({ kind: "step", step });
    },
    "<": (rest) => (open().stdin += `${rest}\n`),
    "<.": (rest) => (open().stdin += rest),
    "|": (rest) => open().stdout.push(rest),
    "!": (rest) => open().stderr.push(rest),
    "?": (rest) => (open().code = Number(rest)),
  };
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue;
    const [, mark = "", rest = ""] = /^(\S+)(?: (.*))?$/.exec(line) ?? [];
    const action = actions[mark];
    if (action === undefined) throw new Error(`This is not a line of a transcript: ${line}`);
    action(rest);
  }
  return lines;
}

/** Splits a line into words as a shell does with quotes and spaces. */
function words(typed: string): readonly string[] {
  return [...typed.matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g)].map(([word]) =>
    word.replace(/'([^']*)'|"([^"]*)"/g, "$1$2"),
  );
}

function builtin(name: string, file: string, cwd: string): Outcome | undefined {
  const path = join(cwd, file);
  if (name === "cat") return { stdout: readFileSync(path, "utf8"), stderr: "", code: 0 };
  if (name === "mode") return { stdout: `${(statSync(path).mode & 0o777).toString(8)}\n`, stderr: "", code: 0 };
  return undefined;
}

const render = (typed: string, stdout: readonly string[], stderr: readonly string[], code: number | null): string =>
  [`$ ${typed}`, ...stdout.map((line) => `| ${line}`), ...stderr.map((line) => `! ${line}`), `? ${code}`].join("\n");

const linesOf = (text: string): readonly string[] => (text === "" ? [] : text.replace(/\n$/, "").split("\n"));

class Memory {
  readonly #known: Map<string, string>;

  constructor(known: Readonly<Record<string, string>>) {
    this.#known = new Map(Object.entries(known));
  }

  fill(text: string): string {
    return text.replace(placeholder, (whole, name: string) => this.#known.get(name) ?? whole);
  }

  /** Returns the actual line if it matches, else the expected one. */
  settle(expected: string, actual: string | undefined): string {
    const wanted = this.fill(expected);
    if (actual === undefined) return wanted;
    const names: string[] = [];
    const pattern = wanted
      .split(placeholder)
      .map((part, at, parts) => {
        if (at % 3 === 2) return "";
        if (at % 3 === 0) return part.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
        names.push(part);
        return `(${kinds[parts[at + 1] ?? "id"]})`;
      })
      .join("");
    const found = new RegExp(`^${pattern}$`, "u").exec(actual);
    if (!found) return wanted;
    for (const [at, name] of names.entries()) if (name !== "_") this.#known.set(name, found[at + 1] ?? "");
    return actual;
  }
}

/** Plays a transcript in `cwd`. The two texts are equal if every command printed what the transcript expects. */
export async function play(text: string, cwd: string): Promise<{ readonly actual: string; readonly expected: string }> {
  const memory = new Memory({ pages: packageFolder });
  const env: Record<string, string> = {};
  const written = new Set<string>();
  const [actual, expected]: [string[], string[]] = [[], []];
  for (const line of parse(text)) {
    if (line.kind === "env") {
      const [, name = "", value = ""] = /^(\w+)=(.*)$/.exec(memory.fill(line.text)) ?? [];
      env[name] = value;
    } else if (line.kind === "file") {
      const [, name = "", content = ""] = /^(\S+) ?(.*)$/.exec(memory.fill(line.text)) ?? [];
      (written.has(name) ? appendFileSync : writeFileSync)(join(cwd, name), `${content}\n`);
      written.add(name);
    } else {
      const { typed, stdin, stdout, stderr, code } = line.step;
      const [command = "", ...args] = words(memory.fill(typed));
      const outcome =
        builtin(command, args[0] ?? "", cwd) ?? (await ampho(args, { cwd, env, stdin: memory.fill(stdin) }));
      const out = linesOf(outcome.stdout);
      const named = `ampho: The database is ${join(cwd, "ampho.db")}.`;
      const err = linesOf(outcome.stderr).filter(
        (each) => !each.startsWith("ampho: applied migration ") && each !== named,
      );
      actual.push(render(typed, out, err, outcome.code));
      const settled = (wanted: readonly string[], came: readonly string[]) =>
        wanted.map((one, at) => memory.settle(one, came[at]));
      expected.push(render(typed, settled(stdout, out), settled(stderr, err), code));
    }
  }
  return { actual: actual.join("\n"), expected: expected.join("\n") };
}
