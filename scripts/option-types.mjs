// Gives the options of createAmpho their texts in editors. TypeScript shows no docs for a mapped type with renamed keys. So the
// built declaration of `ParameterOptions` gets a member for each row of the table of parameters.
import { readFileSync, writeFileSync } from "node:fs";
import { fileNameOf, optionName, parameterNames, parameters, secretNames } from "../dist/config/parameters.js";
import { literal } from "./literal.mjs";
import { defaultOf } from "./parameter-default.mjs";
import { wrap } from "./wrap.mjs";

const mapped = /(export type ParameterOptions<S extends string = string> = )\{[^}]*\};/;

/** Rewrites the declaration. A compiler that emits it differently stops the build. */
export function writeOptionTypes(file) {
  const text = readFileSync(file, "utf8");
  if (!mapped.test(text)) throw new Error(`${file} declares no ParameterOptions`);
  const members = [...parameterNames.map(member), ...secretNames.map(fileMember)].join("\n");
  writeFileSync(
    file,
    text.replace(mapped, (_, start) => `${start}{\n${members}\n};`),
  );
}

function fileMember(name) {
  const file = fileNameOf(name);
  const text = `The path of a file with the value of ${optionName(name)}. In the environment: ${file}`;
  const example = `@example await createAmpho({ ${optionName(file)}: "/run/secrets/${optionName(name)}" });`;
  return `    /**\n     * ${text}\n     * ${example}\n     */\n    readonly ${optionName(file)}?: string | undefined;`;
}

function member(name) {
  const { kind, help, example } = parameters[name];
  const option = optionName(name);
  const scopes = name === "AMPHO_SECURITY_SCOPES" ? ", S" : "";
  const lines = [
    ...wrap(help).split("\n"),
    "",
    ...wrap(`Default: ${defaultOf(parameters[name])}. It must be ${kind.expected}.`).split("\n"),
    "",
    `In the environment: ${name}`,
    `@example await createAmpho({ ${option}: ${literal(example)} });`,
  ];
  return `    /**\n${lines.map((line) => `     * ${line}\n`).join("")}     */\n    readonly ${option}?: OptionInput<"${name}"${scopes}>;`;
}
