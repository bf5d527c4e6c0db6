// The commands `sec-gen-key` and `sec-public-keys`. They load no database.
import { isAlgorithm } from "../../../signing-keys/algorithms.js";
import { generateJwk } from "../../../signing-keys/generate.js";
import { publicJwkSet } from "../../../signing-keys/jwk-set.js";
import type { CommandContext, CommandInput } from "../../command.js";
import { configure } from "../../configure.js";
import { writeNewFile } from "../../files/replace-file.js";
import { quoted } from "../../terminal/table.js";

export async function generateKey(input: CommandInput, { terminal }: CommandContext): Promise<void> {
  const alg = input.text("--alg");
  const jwk = generateJwk(isAlgorithm(alg) ? alg : "HS256");
  const file = input.text("--output");
  if (file === undefined) return terminal.printJson(jwk);
  writeNewFile(file, `${JSON.stringify(jwk)}\n`);
  terminal.note(`Key written to ${quoted(file)}. Set AMPHO_SECURITY_KEY_FILE to that path.`);
}

export async function printPublicKeys(_: CommandInput, context: CommandContext): Promise<void> {
  const { configuration } = configure(context, { key: "configured", database: false });
  context.terminal.printJson(publicJwkSet(configuration.keys ?? []));
}
