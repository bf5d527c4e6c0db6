// Checks of the database: its schema, its clock, and old rows that should not stay.

import type { Configuration } from "../../config/configuration.js";
import { AmphoError } from "../../errors.js";
import { relyingPartyOf } from "../../factors/passkey/relying-party.js";
import { readSigningKeyUse, type SigningKeyUse } from "../../flows/manage/signing-key-use.js";
import { policyOf } from "../../levels/policy.js";
import { isFastFormat } from "../../passwords/formats/formats.js";
import type { Key } from "../../signing-keys/key.js";
import { DatabaseError } from "../../store/database-error.js";
import { openMigrations, openStore } from "../../store/open.js";
import type { Store } from "../../store/store.js";
import { countHashFormats } from "../../users/database-directory.js";
import { error, type Finding, finding, note } from "../finding.js";
import { checkApiKeys } from "./api-keys.js";
import { checkConnect } from "./connect.js";
import { checkUsers, type UserFindings, usersMax } from "./logins.js";
import { checkOutbox } from "./mail.js";
import { checkServices } from "./services.js";
import { checkUserEvents } from "./user-events.js";

const [day, apartWarnSeconds] = [86_400, 5];
/** Far above the 14 days that a session can be idle by default. */
const idleSeconds = 30 * day;

/** Reads only. It changes no schema and creates no database. */
export async function checkDatabase(
  configuration: Configuration,
  keys: readonly Key[],
  now: number,
): Promise<readonly Finding[]> {
  try {
    const { open, owner } = await checkSchema(configuration);
    if (open.length > 0) return open;
    const { databaseUrl: url } = configuration;
    const store = await openStore({ url, migrate: false, log: () => {} });
    try {
      const users = await checkUsers(store, role);
      return [
        ...owner,
        ...checkUse(await readSigningKeyUse(store), keys),
        ...(await checkTime(store, configuration, now)),
        ...(await checkSessions(store, now)),
        ...(await checkHashes(store)),
        ...users.findings,
        ...checkAdministrators(users, configuration),
        ...(await checkWeakerPolicies(store)),
        ...(await checkLockedOut(store, configuration)),
        ...(await checkOutbox(store, configuration, now)),
        ...(await checkUserEvents(store, now)),
        ...(await checkServices(store, configuration)),
        ...(await checkConnect(store, configuration)),
        ...(await checkApiKeys(store, now)),
      ];
    } finally {
      await store.close();
    }
  } catch (failure) {
    if (failure instanceof DatabaseError || failure instanceof AmphoError)
      return [error("database", failure.message, "See docs/operate/incidents.md, Bad days.")];
    throw failure;
  }
}

/** `open` prevents the other checks of the database. */
async function checkSchema({
  databaseUrl,
  databaseMigrate,
}: Configuration): Promise<{ readonly open: readonly Finding[]; readonly owner: readonly Finding[] }> {
  const migrations = await openMigrations(databaseUrl);
  try {
    // Rejects if the schema is newer than this program.
    await migrations.current();
    const open = (await migrations.list()).filter(({ appliedAt }) => appliedAt === null).length;
    const auto = databaseMigrate === "auto";
    if (open === 0) return { open: [], owner: (await migrations.owns()) ? [ownerServes(auto)] : [] };
    const message = `The schema is not up to date. ${open} ${open === 1 ? "migration is" : "migrations are"} not applied.`;
    const fix = auto
      ? "The next start applies them. To apply them now, run `ampho db-up`."
      : "Run `ampho db-up`. No process starts before that.";
    return { open: [finding(auto ? "warning" : "error", "schema", message, fix)], owner: [] };
  } finally {
    await migrations.close();
  }
}

/** A process that migrates by itself must own the tables, so that this is only a note. */
function ownerServes(auto: boolean): Finding {
  const message =
    "The role of `ampho serve` owns the tables. An attacker who takes over the process can drop the audit log.";
  const fix =
    "Serve with a role that can only read and write rows, and use the owner for `ampho db-up` (docs/operate/postgresql.md, Two roles).";
  return finding(auto ? "note" : "warning", "schema", message, fix);
}

function checkUse({ revoked, totpSecrets }: SigningKeyUse, keys: readonly Key[]): readonly Finding[] {
  const kids = keys.map(({ kid }) => kid);
  const ofKeys = kids.filter((kid) => revoked.includes(kid)).map((kid) => revokedSigningKey(kid, kid === kids[0]));
  // Without a configured key, every key would be unknown. The configuration check reports that.
  if (kids.length === 0) return ofKeys;
  const ofSecrets = Object.entries(totpSecrets).flatMap(([kid, secrets]) => {
    if (kids.includes(kid) && !revoked.includes(kid)) return [];
    return [unusableSecrets(kid, secrets, kids.includes(kid))];
  });
  return [...ofKeys, ...ofSecrets];
}

function revokedSigningKey(kid: string, signs: boolean): Finding {
  const retire = "Run `ampho factor-rekey`, then remove the key: `ampho sec-rotate-key --stage retire --in-place`.";
  const replace =
    "Replace it with `ampho sec-rotate-key --in-place` (docs/operate/signing-keys.md, Replace a stolen signing key).";
  return signs
    ? error("signing-key", `The signing key ${kid} is revoked. Logins return 503.`, replace)
    : note("signing-key", `The key ${kid} is revoked and still configured.`, retire);
}

function unusableSecrets(kid: string, secrets: number, isConfigured: boolean): Finding {
  const are = secrets === 1 ? "1 TOTP secret is" : `${secrets} TOTP secrets are`;
  const where = isConfigured ? `the revoked key ${kid}` : `the key ${kid}, which is not configured`;
  const message = `${are} under ${where}. Logins with codes of these authenticator apps return 503.`;
  const fix = isConfigured
    ? "Run `ampho factor-rekey` (docs/operate/signing-keys.md, Replace a stolen signing key)."
    : "Put the key back behind the first one and run `ampho factor-rekey`. If it is lost, remove the factors of users who ask: `ampho factor-remove`.";
  return error("factors", message, fix);
}

/** Compares clocks. A database without a clock is checked by its newest row, which cannot be in the future. */
async function checkTime(store: Store, { tokenLeeway }: Configuration, now: number): Promise<readonly Finding[]> {
  const storeMs = await store.readClock();
  if (storeMs !== undefined) {
    const apart = Math.round(Math.abs(storeMs / 1000 - now));
    if (apart <= apartWarnSeconds) return [];
    const severity = apart > tokenLeeway ? "error" : "warning";
    const message = `The clock of this machine differs by ${apart} seconds from the clock of the database.`;
    return [finding(severity, "clock", message, "Run NTP on both machines.")];
  }
  const [last] = await store.listAudit({ login: undefined, since: undefined, limit: 1 });
  const aheadSeconds = (last?.at ?? 0) - now;
  if (aheadSeconds <= Math.max(tokenLeeway, 5)) return [];
  const message = `The newest entry of the database is ${aheadSeconds} seconds ahead of this machine. One of the clocks is or was wrong.`;
  return [error("clock", message, "Run NTP on every machine that runs Ampho.")];
}

async function checkSessions(store: Store, now: number): Promise<readonly Finding[]> {
  const { live, idle } = await store.countSessions({ now, idleSince: now - idleSeconds });
  if (idle === 0) return [];
  const message = `${idle} of ${live} live sessions that were counted were not renewed for 30 days. A thief could still use them.`;
  const fix =
    "Lower AMPHO_SECURITY_SESSION_IDLE_TTL for new sessions. `ampho session-end --all` ends all sessions now.";
  return [note("sessions", message, fix)];
}

async function checkHashes(store: Store): Promise<readonly Finding[]> {
  const old = (await countHashFormats(store, usersMax)).filter(({ format, current }) => format !== null && !current);
  const fast = old.filter(({ format }) => isFastFormat(format ?? ""));
  if (old.length === 0) return [];
  const listed = old.map(({ format, users }) => `${users} ${format}`).join(", ");
  const severity = fast.length > 0 ? "warning" : "note";
  const weak = fast.length > 0 ? " Some of them can be cracked quickly if the database is stolen." : "";
  const message = `Some passwords are still in formats of other systems (${listed}). A login replaces its user's hash.${weak}`;
  const fix = "Disable unused accounts, and give other users a new password. `ampho user-hashes` counts what is left.";
  return [finding(severity, "hashes", message, fix)];
}

const role = "admin";

/** The policy of the role. */
function checkAdministrators(
  { hasAdministrator }: UserFindings,
  { factors }: Pick<Configuration, "factors">,
): readonly Finding[] {
  if (policyOf([role], factors) !== "optional" || !hasAdministrator) return [];
  const message = `Users with the role ${role} can sign in without a second factor.`;
  const fix = `Set AMPHO_SECURITY_FACTORS={"${role}":"required"}. OWASP ASVS 5.0 V6.3.3 asks for a second factor.`;
  return [note("factors", message, fix)];
}

const weakerMax = 10;

/** Users for whom an operator has set a weaker policy than that of their roles. */
async function checkWeakerPolicies(store: Pick<Store, "listWeakerPolicies">): Promise<readonly Finding[]> {
  const found = await store.listWeakerPolicies({ limit: weakerMax + 1 });
  if (found.length === 0) return [];
  const more = found.length > weakerMax ? " and more" : "";
  const ids = found.slice(0, weakerMax).join(", ");
  const message = `Users have a weaker policy for second factors than their roles: ${ids}${more}.`;
  const fix = "`ampho audit-list` has the reason. `ampho factor-policy ID default --id` ends the exception.";
  return [note("factors", message, fix)];
}

/** An application that keeps its own user table verifies passwords itself. */
async function checkLockedOut(
  store: Pick<Store, "countLockedOut">,
  configuration: Configuration,
): Promise<readonly Finding[]> {
  const { providers, mailUrl, mailLogin } = configuration;
  const { withoutWay: users, withoutPasskeys } = await store.countLockedOut({
    relyingParty: relyingPartyOf(configuration)?.id,
    mail: mailLogin && mailUrl !== undefined,
    providers: providers.map(({ name }) => name),
  });
  const lockedOut = (count: number, what: string, fix: string) =>
    count === 0 ? [] : [error("factors", `${count === 1 ? "1 user has" : `${count} users have`} ${what}.`, fix)];
  const offerWay =
    "Set AMPHO_APP_URL for passkeys (and `rp` of AMPHO_SECURITY_PASSKEYS to the relying party that they have), and AMPHO_SECURITY_PROVIDERS to the providers that the users have. Or set passwords with `ampho user-password`.";
  const offerPasskeys =
    "Set AMPHO_APP_URL, and AMPHO_SECURITY_PASSKEYS to true. Or set another policy with `ampho factor-policy`.";
  return [
    ...lockedOut(users, "no way in that is switched on", offerWay),
    ...lockedOut(withoutPasskeys, "the policy `phr`, but passkeys are not offered", offerPasskeys),
  ];
}
