import { publicJwkSet } from "../../keys/jwk-set.js";
import type { CommandContext, CommandInput } from "../command.js";
import { configure } from "../configure.js";

export async function run(_: CommandInput, context: CommandContext): Promise<void> {
  const { configuration } = configure(context, "configured");
  context.terminal.printJson(publicJwkSet(configuration.keys ?? []));
}
