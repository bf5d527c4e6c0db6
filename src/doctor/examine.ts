// `ampho doctor`: runs every check and returns the findings, the most severe first.
import { statSync } from "node:fs";
import { type Configuration, type ConfigurationResult, readConfiguration } from "../config/configuration.js";
import { findSecretFiles } from "../config/secret-files.js";
import type { SourceInput } from "../config/sources.js";
import { ConfigurationError } from "../errors.js";
import type { CompositionOptions } from "../options.js";
import { FetchFailure } from "../outbound/bounded-fetch.js";
import { createBreachList } from "../passwords/breach-list.js";
import { createPasswordPool } from "../passwords/pool.js";
import { checkProvider, providerChecks } from "../providers/check.js";
import { loadLibraryFor } from "../providers/providers.js";
import { readStandings } from "../signing-keys/states.js";
import { availableDrivers, noSqlite } from "../store/sqlite/driver.js";
import { findSiteverifyProblem } from "../throttle/siteverify.js";
import { checkConfiguration, findingsOf } from "./checks/configuration.js";
import { checkDatabase } from "./checks/database.js";
import { checkFiles, type SecretFile } from "./checks/files.js";
import { checkInstance } from "./checks/instance.js";
import { checkAppUrl, checkMailServer } from "./checks/mail.js";
import { checkKeys } from "./checks/signing-keys.js";
import { databaseFile, hasDatabase } from "./database-file.js";
import { error, type Finding, warning, worstFirst } from "./finding.js";

/**
 * `api` returns the API's URL for a REST prefix. Without it, no running instance is checked. `now`: Unix seconds. The
 * remarks are sentences about measurements and about checks that did not run.
 */
export async function examine(
  processContext: SourceInput,
  { mail }: Pick<CompositionOptions, "mail">,
  api: ((prefix: string) => URL) | undefined,
  now: () => number,
): Promise<{ readonly findings: readonly Finding[]; readonly remarks: readonly string[] }> {
  const findings: Finding[] = [];
  const remarks: string[] = [];
  const read = attempt(processContext, "any", findings);
  // A bad key does not prevent the other checks.
  const usable = read ?? attempt(processContext, "none", []);
  if (usable === undefined) {
    remarks.push("The other checks did not run, because the configuration cannot be used.");
    return { findings: worstFirst(findings), remarks };
  }
  const { configuration } = usable;
  const keys = read?.configuredKey === undefined ? [] : (configuration.keys ?? []);
  const secrets = findSecretFiles(processContext);
  findings.push(
    ...checkConfiguration(configuration, usable.warnings, mail),
    ...checkKeys(keys, writtenAt(secrets.keyFile), signsSince(read), now()),
    ...checkFiles([...secrets.files, ...databaseFiles(configuration, processContext)]),
  );
  if (configuration.databaseUrl.startsWith("sqlite:") && availableDrivers().length === 0)
    findings.push(error("database", noSqlite.message, noSqlite.fix));
  else if (hasDatabase(configuration.databaseUrl, processContext.cwd))
    findings.push(...(await checkDatabase(configuration, keys, now())));
  else remarks.push("The database does not exist yet. The first start creates it.");
  for (const check of [checkOutsideProviders, checkCaptchaVerifier, checkBreachList, checkMailServer, checkAppUrl])
    findings.push(...(await check(configuration, mail)));
  const hashing = await checkHashing();
  findings.push(...hashing.findings);
  remarks.push(`One password hash takes ${hashing.leastMs} ms on one thread of this machine.`);
  if (api === undefined)
    remarks.push(
      "TLS, proxies and the clock of a running instance were not checked. Use `--url` with the URL of the instance to check them.",
    );
  else findings.push(...(await checkInstance(api(configuration.restPrefix), configuration, keys, now)));
  return { findings: worstFirst(findings), remarks };
}

function attempt(around: SourceInput, key: "any" | "none", findings: Finding[]): ConfigurationResult | undefined {
  try {
    return readConfiguration({ ...around, uses: { key, database: key !== "none" } });
  } catch (problem) {
    if (!(problem instanceof ConfigurationError)) throw problem;
    findings.push(...findingsOf(problem));
    return undefined;
  }
}

function writtenAt(path: string | undefined): number | undefined {
  const stats = path === undefined ? undefined : statSync(path, { throwIfNoEntry: false });
  return stats === undefined ? undefined : Math.floor(stats.mtimeMs / 1000);
}

function signsSince(read: ConfigurationResult | undefined): number | undefined {
  if (read?.configuredKey === undefined) return undefined;
  return readStandings(read.configuredKey).current.since;
}

/** SQLite keeps recent writes in files beside the database. */
function databaseFiles({ databaseUrl }: Configuration, { cwd }: SourceInput): readonly SecretFile[] {
  const database = databaseFile(databaseUrl, cwd);
  if (database === undefined) return [];
  return ["", "-wal", "-shm", "-journal"].map((end) => ({ path: database + end, what: "The database" }));
}

export async function checkCaptchaVerifier({
  captchaUrl,
}: Pick<Configuration, "captchaUrl">): Promise<readonly Finding[]> {
  if (captchaUrl === undefined) return [];
  const message = await findSiteverifyProblem({ ...captchaUrl, hostname: undefined });
  if (message === undefined) return [];
  const fix = "Compare URL and key with the pages of the captcha's vendor. Run `ampho captcha-check` after that.";
  return [warning("captcha", message, fix)];
}

async function checkBreachList({ breachesUrl }: Pick<Configuration, "breachesUrl">): Promise<readonly Finding[]> {
  if (breachesUrl === undefined) return [];
  const problem = await findProblem(breachesUrl);
  if (problem === undefined) return [];
  const message = `The list of breached passwords is not in use, because ${problem}. New passwords are accepted without it.`;
  const fix =
    "Check AMPHO_SECURITY_BREACHES_URL. It names the place whose files or paths are five characters of a hash.";
  return [warning("breaches", message, fix)];
}

async function findProblem(url: string): Promise<string | undefined> {
  try {
    return (await createBreachList(url).has("password")) ? undefined : "it does not contain the most common password";
  } catch (error) {
    if (error instanceof FetchFailure) return error.message;
    throw error;
  }
}

async function checkOutsideProviders(configuration: Configuration): Promise<readonly Finding[]> {
  const library = await loadLibraryFor(configuration).catch((error: unknown) => {
    if (error instanceof ConfigurationError) return error;
    throw error;
  });
  if (library === undefined) return [];
  if (library instanceof ConfigurationError)
    return [error("providers", library.message, "Install the package, or remove the providers.")];
  const all = configuration.providers.map(async (settings) => {
    const { name } = settings;
    const found = await checkProvider({ library, settings, ...providerChecks(configuration, name) });
    const fix = `Run \`ampho provider-check ${name}\` after a change (docs/guides/providers.md).`;
    return found.filter(({ ok }) => !ok).map(({ text }) => error("providers", `Provider ${name}: ${text}`, fix));
  });
  return (await Promise.all(all)).flat();
}

const samples = 5;

/** Above this, users wait, and a few concurrent logins fill the queue for all others. */
const slowMs = 400;

async function checkHashing(): Promise<{ readonly findings: readonly Finding[]; readonly leastMs: number }> {
  const pool = createPasswordPool({ size: 1 });
  try {
    // The first hash also starts the thread.
    await pool.hash("warm-up");
    // The fastest run counts, because other work on the machine only adds time.
    let least = Number.POSITIVE_INFINITY;
    for (let at = 0; at < samples; at++) {
      const startMs = performance.now();
      await pool.hash("measurement");
      least = Math.min(least, performance.now() - startMs);
    }
    const leastMs = Math.round(least);
    return { findings: leastMs > slowMs ? [slow(leastMs)] : [], leastMs };
  } finally {
    await pool.close();
  }
}

function slow(ms: number): Finding {
  const message = `One password hash takes ${ms} ms on this machine. Each thread handles about ${Math.max(1, Math.floor(1000 / ms))} logins a second.`;
  const fix =
    "Give the machine more cores. Ampho does not lower the cost of a hash, because it protects a stolen database.";
  return warning("hashing", message, fix);
}
