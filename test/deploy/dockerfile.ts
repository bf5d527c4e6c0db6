// Reads a Dockerfile as the builder does, as instructions in stages. It knows only the forms that ours has.
import { readFileSync } from "node:fs";

export interface Instruction {
  readonly name: string;
  readonly rest: string;
}

export interface Stage {
  readonly base: string;
  /** The name for other stages. The last stage has none. */
  readonly name: string | undefined;
  readonly instructions: readonly Instruction[];
}

export function readDockerfile(file: string): readonly Stage[] {
  const lines = readFileSync(file, "utf8")
    .replace(/\\\n\s*/g, "")
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.startsWith("#"));
  const stages: { base: string; name: string | undefined; instructions: Instruction[] }[] = [];
  for (const line of lines) {
    const [, name = "", rest = ""] = /^([A-Z]+) (.+)$/.exec(line) ?? [];
    if (name === "FROM") {
      const [, base = "", as] = /^(\S+)(?: AS (\S+))?$/.exec(rest) ?? [];
      stages.push({ base, name: as, instructions: [] });
    } else if (name === "") throw new Error(`no instruction: ${line}`);
    else stages.at(-1)?.instructions.push({ name, rest });
  }
  return stages;
}

export const all = (stage: Stage | undefined, name: string): readonly string[] =>
  stage?.instructions.filter((each) => each.name === name).map(({ rest }) => rest) ?? [];

/** The exec form: a JSON array, which no shell reads. */
export function words(rest: string): readonly string[] {
  const list: unknown = JSON.parse(rest.slice(rest.indexOf("[")));
  if (!Array.isArray(list) || !list.every((word) => typeof word === "string")) throw new Error(`no exec form: ${rest}`);
  return list;
}

export interface Copy {
  /** Another stage. */
  readonly from: string | undefined;
  readonly sources: readonly string[];
  readonly target: string;
}

export function copyOf(rest: string): Copy {
  const parts = rest.split(" ");
  const from = parts.find((part) => part.startsWith("--from="))?.slice("--from=".length);
  const names = parts.filter((part) => !part.startsWith("--"));
  return { from, sources: names.slice(0, -1), target: names.at(-1) ?? "" };
}
