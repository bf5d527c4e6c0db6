// The command `doctor`.
import { systemClock } from "../../clock.js";
import { noDatabaseInProduction } from "../../config/configuration.js";
import { examine } from "../../doctor/examine.js";
import { type Finding, isWrong } from "../../doctor/finding.js";
import { ConfigurationError } from "../../errors.js";
import { withAddresses } from "../../version.js";
import type { CommandContext, CommandInput } from "../command.js";
import { CommandFailure, UsageError } from "../failures.js";

export async function doctor(input: CommandInput, context: CommandContext): Promise<void> {
  const { terminal, processContext, composition } = context;
  const [url, json] = [input.text("--url"), input.has("--json")];
  // A wrong URL is reported before any file or connection is opened.
  if (url !== undefined && apiOf(url, "") === undefined)
    throw new UsageError("--url must be an http or https URL without user, query or fragment.");
  const api = url === undefined ? undefined : (prefix: string) => apiOf(url, prefix) ?? new URL(url);
  const { findings: found, remarks } = await examine(processContext, composition, api, systemClock.now);
  const findings = found.map((finding) => ({ ...finding, fix: withAddresses(finding.fix) }));
  if (json) terminal.printJson(findings);
  else for (const finding of findings) print(finding, terminal);
  for (const remark of remarks) terminal.note(remark);
  // Each command that needs the database ends with exit code 2 where none is configured.
  if (findings.some(({ message }) => message === noDatabaseInProduction))
    throw new ConfigurationError("The doctor cannot examine a database that is not configured.");
  if (isWrong(findings)) throw new CommandFailure("The doctor found something to fix.");
  if (!json) terminal.note("Nothing is wrong.", "green");
}

const styles = { error: "red", warning: "yellow", note: "bold" } as const;

function print({ severity, check, message, fix }: Finding, terminal: CommandContext["terminal"]): void {
  terminal.print(`${severity.toUpperCase()} ${check}: ${message}`, styles[severity]);
  terminal.print(`  ${fix}`);
}

/** Appends `prefix` to the server's root, unless `typed` ends with it. Returns undefined for an unusable URL. */
function apiOf(typed: string, prefix: string): URL | undefined {
  if (!URL.canParse(typed)) return undefined;
  const url = new URL(typed);
  if (url.protocol !== "http:" && url.protocol !== "https:") return undefined;
  // Every process can read a password in an argument, and servers and proxies log queries.
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") return undefined;
  const path = url.pathname.replace(/\/+$/, "");
  url.pathname = path.endsWith(prefix) ? path : path + prefix;
  return url;
}
