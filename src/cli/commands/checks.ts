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
  const { captchaUrl: url, captchaKey: key } = configuration;
  if (url === undefined || key === undefined)
    throw new ConfigurationError("AMPHO_SECURITY_CAPTCHA_URL and AMPHO_SECURITY_CAPTCHA_KEY are not set.");
  const problem = await findSiteverifyProblem({ url, key, hostname: undefined });
  if (problem !== undefined) throw new CommandFailure(problem);
  context.terminal.note("The captcha verifier accepts the key.");
}

export async function printProviderCheck(input: CommandInput, context: CommandContext): Promise<void> {
  const { configuration } = configure(context, { key: "none", database: false });
  const name = input.argument();
  const settings = configuration.providers.find((provider) => provider.name === name);
  const library = await loadLibraryFor(configuration);
  if (settings === undefined || library === undefined) {
    const names = configuration.providers.map((provider) => provider.name).join(", ");
    throw new UsageError(
      `AMPHO_SECURITY_PROVIDERS has no provider of this name. It has ${names === "" ? "none" : names}.`,
    );
  }
  const { terminal } = context;
  terminal.note("Register this callback at the provider:");
  const checked = { library, settings, ...providerChecks(configuration, name) };
  terminal.print(checked.redirectUri);
  const findings = await checkProvider(checked);
  for (const { ok, text } of findings) terminal.note(`${ok ? "ok" : "failed"}: ${text}`);
  if (findings.some(({ ok }) => !ok)) throw new CommandFailure(`The provider ${name} cannot be used as it is.`);
}
