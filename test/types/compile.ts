// Runs a compiler on files in the folder of a consumer of the packed tarball. Returns its errors by file and line.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { spawnSync } from "../../scripts/child-process.mjs";

/** A compiler takes 10 s on a busy machine, and tests run it up to eight times. */
export const compileMs = 600_000;

export interface Diagnostic {
  /** Relative to the project. */
  readonly file: string;
  readonly line: number;
  /** `TS2322`, and the message with its indented explanations. */
  readonly text: string;
}

export interface Project {
  readonly compiler: string;
  /** A consumer's folder, which has `node_modules`. */
  readonly folder: string;
  readonly type: "module" | "commonjs";
  readonly files: Readonly<Record<string, string>>;
  readonly compilerOptions: object;
}

/** Compiles in a new folder, which is then deleted. */
export function compile({ compiler, folder, type, files, compilerOptions }: Project): readonly Diagnostic[] {
  const project = mkdtempSync(path.join(folder, "project-"));
  try {
    for (const [name, text] of Object.entries({ ...files, "package.json": JSON.stringify({ type }) })) {
      mkdirSync(path.dirname(path.join(project, name)), { recursive: true });
      writeFileSync(path.join(project, name), text);
    }
    const options = { target: "es2022", strict: true, types: ["node"], outDir: "out", ...compilerOptions };
    writeFileSync(
      path.join(project, "tsconfig.json"),
      JSON.stringify({ compilerOptions: options, files: Object.keys(files) }),
    );
    const { stdout } = spawnSync(process.execPath, [compiler, "-p", project, "--pretty", "false"], {
      cwd: project,
      encoding: "utf8",
    });
    return diagnosticsOf(stdout);
  } finally {
    rmSync(project, { recursive: true, force: true });
  }
}

function diagnosticsOf(output: string): readonly Diagnostic[] {
  // An explanation is indented under its message.
  return output
    .split(/\n(?=\S)/)
    .filter((text) => text.trim() !== "")
    .map((text) => {
      const [, file = "", line = "0", rest = text] = /^(\S+?)\((\d+),\d+\): error ([\s\S]*)$/.exec(text) ?? [];
      return { file, line: Number(line), text: rest.trim() };
    });
}
