// The commands `captcha-check` and `provider-check`. They load no database.
import { ConfigurationError } from "../../errors.js";
import { checkProvider, providerChecks } from "../../providers/check.js";
import { loadLibraryFor } from "../../providers/providers.js";
import { findSiteverifyProblem } from "../../throttle/siteverify.js";
import type { CommandContext, CommandInput } from "../command.js";
import { configure } from "../configure.js";
import { CommandFailure, UsageError } from "../failures.js";

export async function checkCaptcha(_input: CommandInput, context: CommandContext): Promise<void> {
  const { configuration } = configure(context, { key: "none", database: false });
  const { captchaUrl } = configuration;
  if (captchaUrl === undefined) throw new ConfigurationError("AMPHO_SECURITY_CAPTCHA_URL is not set.");
  const problem = await findSiteverifyProblem({ ...captchaUrl, hostname: undefined });
  if (problem !== undefined) throw new CommandFailure(problem);
  context.terminal.note("The captcha verifier accepts the key.");
}

export async function printProviderCheck(input: CommandInput, context: CommandContext): Promise<void> {
  const { configuration } = configure(context, { key: "none", database: false });
  const typed = input.optionalArgument();
  const checked = configuration.providers.filter(({ name }) => typed === undefined || name === typed);
  const library = await loadLibraryFor(configuration);
  if (checked.length === 0 || library === undefined) {
    const names = configuration.providers.map((provider) => provider.name).join(", ");
    throw new UsageError(
      `AMPHO_SECURITY_PROVIDERS has no provider of this name. It has ${names === "" ? "none" : names}.`,
    );
  }
  const unusable: string[] = [];
  for (const settings of checked)
    if (!(await isUsable({ library, settings, ...providerChecks(configuration, settings.name) }, context)))
      unusable.push(settings.name);
  if (unusable.length > 0) throw new CommandFailure(`Not usable as they are: ${unusable.join(", ")}.`);
}

/** Prints the callback and what the check has found. */
async function isUsable(check: Parameters<typeof checkProvider>[0], { terminal }: CommandContext): Promise<boolean> {
  terminal.note(`Register this callback at the provider ${check.settings.name}:`);
  terminal.print(check.redirectUri);
  const findings = await checkProvider(check);
  for (const { ok, text } of findings) terminal.note(`${ok ? "ok" : "failed"}: ${text}`);
  return findings.every(({ ok }) => ok);
}
