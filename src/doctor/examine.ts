// `ampho doctor`: runs every check and returns the findings, the most severe first.
import { statSync } from "node:fs";
import { type Configuration, type ConfigurationResult, readConfiguration } from "../config/configuration.js";
import type { ProcessContext } from "../config/process-context.js";
import { findSecretFiles, type SecretFiles } from "../config/secret-files.js";
import { ConfigurationError } from "../errors.js";
import type { Key } from "../keys/key.js";
import { readStandings } from "../keys/states.js";
import { checkBreachList } from "./checks/breaches.js";
import { checkCaptchaVerifier } from "./checks/captcha.js";
import { checkConfiguration, findingsOf } from "./checks/configuration.js";
import { checkDatabase } from "./checks/database.js";
import { checkFiles, databaseFiles, type SecretFile } from "./checks/files.js";
import { checkHashing } from "./checks/hashing.js";
import { checkInstance } from "./checks/instance.js";
import { checkKeys } from "./checks/keys.js";
import { checkAppUrl, checkMailServer } from "./checks/mail.js";
import { checkOutsideProviders } from "./checks/providers.js";
import { databaseFile, hasDatabase } from "./database-file.js";
import { type Finding, worstFirst } from "./finding.js";

export interface ExamineInput {
  readonly processContext: ProcessContext;
  /** Returns the API's URL for a REST prefix. Without it, no running instance is checked. */
  readonly api: ((prefix: string) => URL) | undefined;
  /** Unix seconds. */
  readonly now: () => number;
}

export interface Examination {
  readonly findings: readonly Finding[];
  /** Sentences about measurements and about checks that did not run. */
  readonly remarks: readonly string[];
}

export async function examine({ processContext, api, now }: ExamineInput): Promise<Examination> {
  const findings: Finding[] = [];
  const remarks: string[] = [];
  const read = attempt(processContext, "any", findings);
  // A bad key does not prevent the other checks.
  const usable = read ?? attempt(processContext, "ignored", []);
  if (usable === undefined) {
    remarks.push("The other checks did not run, because the configuration cannot be used.");
    return { findings: worstFirst(findings), remarks };
  }
  const { configuration } = usable;
  const keys = read?.configuredKey === undefined ? [] : (configuration.keys ?? []);
  const secrets = findSecretFiles(processContext);
  findings.push(
    ...checkConfiguration(configuration, usable.warnings),
    ...checkKeys({ keys, writtenAt: writtenAt(secrets.keyFile), signsSince: signsSince(read), now: now() }),
    ...checkFiles(secretFiles(configuration, processContext, secrets)),
  );
  findings.push(...(await databaseFindings(configuration, keys, processContext, now(), remarks)));
  findings.push(...(await checkOutsideProviders(configuration)), ...(await checkCaptchaVerifier(configuration)));
  findings.push(...(await checkBreachList(configuration)));
  findings.push(...(await checkMailServer(configuration)), ...(await checkAppUrl(configuration)));
  const hashing = await checkHashing();
  findings.push(...hashing.findings);
  remarks.push(`One password hash takes ${hashing.leastMs} ms on one thread of this machine.`);
  if (api === undefined)
    remarks.push(
      "TLS, proxies and the clock of a running instance were not checked. Use `--url` with the URL of the instance to check them.",
    );
  else findings.push(...(await checkInstance({ api: api(configuration.restPrefix), configuration, keys, now })));
  return { findings: worstFirst(findings), remarks };
}

function attempt(around: ProcessContext, key: "any" | "ignored", findings: Finding[]): ConfigurationResult | undefined {
  try {
    return readConfiguration({ ...around, uses: { key, database: key !== "ignored" } });
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    findings.push(...findingsOf(error.message));
    return undefined;
  }
}

function writtenAt(path: string | undefined): number | undefined {
  const stats = path === undefined ? undefined : statSync(path, { throwIfNoEntry: false });
  return stats === undefined ? undefined : Math.floor(stats.mtimeMs / 1000);
}

function signsSince(read: ConfigurationResult | undefined): number | undefined {
  if (read?.configuredKey === undefined) return undefined;
  return readStandings(read.configuredKey, read.configuration.tokenAlg).current.since;
}

function secretFiles(
  { databaseUrl }: Configuration,
  { cwd }: ProcessContext,
  { keyFile, providersFile, configurationFiles }: SecretFiles,
): readonly SecretFile[] {
  const database = databaseFile(databaseUrl, cwd);
  return [
    ...(keyFile === undefined ? [] : [{ path: keyFile, what: "The key file" }]),
    ...(providersFile === undefined ? [] : [{ path: providersFile, what: "The file of outside providers" }]),
    ...configurationFiles.map((path) => ({ path, what: "The configuration file with a secret" })),
    ...(database === undefined ? [] : databaseFiles(database)),
  ];
}

async function databaseFindings(
  configuration: Configuration,
  keys: readonly Key[],
  { cwd }: ProcessContext,
  now: number,
  remarks: string[],
): Promise<readonly Finding[]> {
  if (hasDatabase(configuration.databaseUrl, cwd)) return checkDatabase({ configuration, keys, now });
  remarks.push("The database does not exist yet. The first start creates it.");
  return [];
}
