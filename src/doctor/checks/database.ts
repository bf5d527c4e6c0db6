// Checks of the database: its schema, its clock, and old rows that should not stay.

import type { Configuration } from "../../config/configuration.js";
import { AmphoError } from "../../errors.js";
import { relyingPartyOf } from "../../factors/passkey/relying-party.js";
import { type KeyRecords, readKeyUse } from "../../flows/manage/key-use.js";
import type { Key } from "../../keys/key.js";
import { policyOf } from "../../levels/policy.js";
import { isFastFormat } from "../../passwords/formats/formats.js";
import { DatabaseError } from "../../store/database-error.js";
import { openMigrations, openStore } from "../../store/open.js";
import type { Store } from "../../store/store.js";
import { countHashFormats } from "../../users/database-directory.js";
import { error, type Finding, finding, note } from "../finding.js";
import { checkApiKeys } from "./api-keys.js";
import { checkLogins } from "./logins.js";
import { checkOutbox } from "./mail.js";
import { checkServices } from "./services.js";
import { checkUserEvents } from "./user-events.js";

const [day, apartWarnSeconds] = [86_400, 5];
/** Far above the 14 days that a session can be idle by default. */
const idleSeconds = 30 * day;

export interface DatabaseInput {
  readonly configuration: Configuration;
  readonly keys: readonly Key[];
  readonly now: number;
}

/** Reads only. It changes no schema and creates no database. */
export async function checkDatabase({ configuration, keys, now }: DatabaseInput): Promise<readonly Finding[]> {
  try {
    const { open, owner } = await checkSchema(configuration);
    if (open.length > 0) return open;
    const { databaseUrl: url, databasePrepare: prepare } = configuration;
    const store = await openStore({ url, migrate: false, prepare, log: () => {} });
    try {
      return [
        ...owner,
        ...checkUse(await readKeyUse(store, now), keys),
        ...(await checkTime(store, configuration, now)),
        ...(await checkSessions(store, now)),
        ...(await checkHashes(store)),
        ...(await checkLogins(store)),
        ...(await checkAdministrators(store, configuration)),
        ...(await checkLockedOut(store, configuration)),
        ...(await checkOutbox(store, configuration, now)),
        ...(await checkUserEvents(store, now)),
        ...(await checkServices(store, configuration)),
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

interface SchemaFindings {
  /** Findings that prevent the other checks of the database. */
  readonly open: readonly Finding[];
  readonly owner: readonly Finding[];
}

async function checkSchema({ databaseUrl, databaseMigrate }: Configuration): Promise<SchemaFindings> {
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
const ownerServes = (auto: boolean): Finding =>
  finding(
    auto ? "note" : "warning",
    "schema",
    "The role of `ampho serve` owns the tables. An attacker who takes over the process can drop the audit log.",
    "Serve with a role that can only read and write rows, and use the owner for `ampho db-up` (docs/operate/postgresql.md, Two roles).",
  );

function checkUse({ revoked, totpSecrets }: KeyRecords, keys: readonly Key[]): readonly Finding[] {
  const kids = keys.map(({ kid }) => kid);
  const ofKeys = kids.filter((kid) => revoked.includes(kid)).map((kid) => revokedKey(kid, kid === kids[0]));
  // Without a configured key, every key would be unknown. The configuration check reports that.
  if (kids.length === 0) return ofKeys;
  const ofSecrets = Object.entries(totpSecrets).flatMap(([kid, secrets]) => {
    if (kids.includes(kid) && !revoked.includes(kid)) return [];
    return [unusableSecrets(kid, secrets, kids.includes(kid))];
  });
  return [...ofKeys, ...ofSecrets];
}

function revokedKey(kid: string, signs: boolean): Finding {
  if (!signs)
    return note(
      "key",
      `The key ${kid} is revoked and still configured.`,
      "Run `ampho factor-rekey`, then remove the key: `ampho sec-rotate-key --stage retire --in-place`.",
    );
  return error(
    "key",
    `The signing key ${kid} is revoked. Logins return 503.`,
    "Replace it with `ampho sec-rotate-key --in-place` (docs/operate/keys.md, Replace a stolen key).",
  );
}

function unusableSecrets(kid: string, secrets: number, isConfigured: boolean): Finding {
  const are = secrets === 1 ? "1 TOTP secret is" : `${secrets} TOTP secrets are`;
  return isConfigured
    ? error(
        "factors",
        `${are} under the revoked key ${kid}. Logins with codes of these authenticator apps return 503.`,
        "Run `ampho factor-rekey` (docs/operate/keys.md, Replace a stolen key).",
      )
    : error(
        "factors",
        `${are} under the key ${kid}, which is not configured. Logins with codes of these authenticator apps return 503.`,
        "Put the key back behind the first one and run `ampho factor-rekey`. If it is lost, remove the factors of users who ask: `ampho factor-remove`.",
      );
}

/**
 * Compares clocks. A database without a clock of its own is checked by its newest row, which cannot be in the future.
 */
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
  const message = `${idle} of ${live} live sessions were not renewed for 30 days. A thief could still use them.`;
  return [
    note(
      "sessions",
      message,
      "Lower AMPHO_SECURITY_SESSION_IDLE_TTL for new sessions. `ampho session-end --all` ends all sessions now.",
    ),
  ];
}

async function checkHashes(store: Store): Promise<readonly Finding[]> {
  const old = (await countHashFormats(store)).filter(({ format, current }) => format !== null && !current);
  const fast = old.filter(({ format }) => isFastFormat(format ?? ""));
  if (old.length === 0) return [];
  const listed = old.map(({ format, users }) => `${users} ${format}`).join(", ");
  const severity = fast.length > 0 ? "warning" : "note";
  const weak = fast.length > 0 ? " Some of them can be cracked quickly if the database is stolen." : "";
  const message = `Some passwords are still in formats of other systems (${listed}). A login replaces its user's hash.${weak}`;
  return [
    finding(
      severity,
      "hashes",
      message,
      "Disable unused accounts, and give other users a new password. `ampho user-hashes` counts what is left.",
    ),
  ];
}

const role = "admin";
const pageRows = 2000;

/** Only the policy of the role is looked at. `factor-policy` can set a weaker one for a single user. */
async function checkAdministrators(
  store: Pick<Store, "listUsers">,
  { factors }: Pick<Configuration, "factors">,
): Promise<readonly Finding[]> {
  if (policyOf([role], factors) !== "optional" || !(await hasAdministrator(store))) return [];
  return [
    note(
      "factors",
      `Users with the role ${role} can sign in without a second factor.`,
      `Set AMPHO_SECURITY_FACTORS={"${role}":"required"}. OWASP ASVS 5.0 V6.3.3 asks for a second factor.`,
    ),
  ];
}

async function hasAdministrator(store: Pick<Store, "listUsers">): Promise<boolean> {
  let after: string | undefined;
  do {
    const page = await store.listUsers({ after, limit: pageRows });
    if (page.users.some(({ roles, disabled }) => !disabled && roles.includes(role))) return true;
    after = page.next;
  } while (after !== undefined);
  return false;
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
  return [
    ...lockedOut(
      users,
      "no way in that is switched on",
      "Set AMPHO_APP_URL for passkeys (and AMPHO_SECURITY_PASSKEY_RP to the relying party that they have), and AMPHO_SECURITY_PROVIDERS to the providers that the users have. Or set passwords with `ampho user-password`.",
    ),
    ...lockedOut(
      withoutPasskeys,
      "the policy `phr`, but passkeys are not offered",
      "Set AMPHO_APP_URL, and AMPHO_SECURITY_PASSKEYS to true. Or set another policy with `ampho factor-policy`.",
    ),
  ];
}

function lockedOut(users: number, what: string, fix: string): readonly Finding[] {
  if (users === 0) return [];
  const message = `${users === 1 ? "1 user has" : `${users} users have`} ${what}.`;
  return [error("factors", message, fix)];
}
