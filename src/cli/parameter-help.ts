// The parameters as --help shows them, in 80 columns.
import { type Parameter, parameters } from "../config/parameters.js";

function wrapped(text: string, width: number): readonly string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1) ?? "";
    if (line === "") lines[lines.length - 1] = word;
    else if (line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}

function defaultOf({ kind, default: usual, defaultText }: Parameter): string {
  const unit = /^int( .+)$/.exec(kind.type)?.[1];
  if (unit !== undefined) return `${usual}${unit}`;
  const text = defaultText?.replaceAll("`", "") ?? (usual === undefined ? "none" : JSON.stringify(usual));
  return text.replace(/^"|"$/g, "");
}

export function parameterHelp(): string {
  const lines = Object.entries(parameters).flatMap(([name, parameter]) => [
    `  ${name} (${defaultOf(parameter)})`,
    ...wrapped(parameter.help.replaceAll("`", ""), 74).map((line) => `      ${line}`),
  ]);
  return ["", "Parameters (and their defaults), from config/*.json and the environment:", ...lines].join("\n");
}
