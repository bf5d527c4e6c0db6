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

const withoutMarks = (text: string) => text.replaceAll("`", "");

function defaultOf({ kind, default: value, defaultText }: Parameter): string {
  if (defaultText !== undefined) return withoutMarks(defaultText);
  if (value === undefined) return "none";
  return kind.format?.(value) ?? (typeof value === "string" ? value : JSON.stringify(value));
}

export function parameterHelp(): string {
  const lines = Object.entries(parameters).flatMap(([name, parameter]) => [
    `  ${name}`,
    ...wrapped(`${withoutMarks(parameter.help)} Default: ${defaultOf(parameter)}.`, 74).map((line) => `      ${line}`),
  ]);
  return ["", "Parameters, from config/*.json, .env and the environment:", ...lines].join("\n");
}
