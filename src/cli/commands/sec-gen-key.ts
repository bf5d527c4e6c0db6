import { isAlgorithm } from "../../keys/algorithms.js";
import { generateJwk } from "../../keys/generate.js";
import type { CommandContext, CommandInput } from "../command.js";
import { writeNewFile } from "../new-file.js";

export async function run(input: CommandInput, { terminal }: CommandContext): Promise<void> {
  const asked = input.text("--alg");
  const jwk = generateJwk(isAlgorithm(asked) ? asked : "HS256");
  const file = input.text("--output");
  if (file === undefined) {
    terminal.printJson(jwk);
    return;
  }
  writeNewFile(file, `${JSON.stringify(jwk)}\n`);
  terminal.note(`The key is in ${file}: name that file in AMPHO_SECURITY_KEY_FILE.`);
}
