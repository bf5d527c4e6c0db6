// The command `captcha-check`.
import { ConfigurationError } from "../../errors.js";
import { findSiteverifyProblem } from "../../throttle/siteverify.js";
import type { CommandContext, CommandInput } from "../command.js";
import { configure } from "../configure.js";
import { CommandFailure } from "../failures.js";

export async function checkCaptcha(_input: CommandInput, context: CommandContext): Promise<void> {
  const { configuration } = configure(context, { key: "none", database: false });
  const { captchaUrl: url, captchaKey: key } = configuration;
  if (url === undefined || key === undefined)
    throw new ConfigurationError("AMPHO_SECURITY_CAPTCHA_URL and AMPHO_SECURITY_CAPTCHA_KEY are not set.");
  const problem = await findSiteverifyProblem({ url, key, hostname: undefined });
  if (problem !== undefined) throw new CommandFailure(problem);
  context.terminal.note("The captcha verifier accepts the key.");
}
