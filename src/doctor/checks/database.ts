// The database: its schema, what it says of time, and what is left in it that should not stay.

import type { Configuration } from "../../config/configuration.js";
import { AmphoError } from "../../errors.js";
import type { Key } from "../../keys/key.js";
import { DatabaseError } from "../../store/database-error.js";
import { openMigrations, openStore } from "../../store/open.js";
import type { Store } from "../../store/store.js";
import { countHashFormats } from "../../users/hash-formats.js";
import type { CheckName, Finding } from "../finding.js";

const [day, apartWarnSeconds] = [86_400, 5];
/** Half of what a session may be idle by default, and then much more. */
const idleSeconds = 30 * day;

const finding = (severity: Finding["severity"], check: CheckName, message: string, mend: string): Finding => ({
  severity,
  check,
  message,
  mend,
});

export interface DatabaseInput {
  readonly configuration: Configuration;
  readonly keys: readonly Key[];
  readonly now: number;
}

/** Reads only: no schema is changed, and no database is made. */
export async function checkDatabase({ configuration, keys, now }: DatabaseInput): Promise<readonly Finding[]> {
  try {
    const { open, owner } = await checkSchema(configuration);
    if (open.length > 0) return open;
    const { databaseUrl: url, databasePrepare: prepare } = configuration;
    const store = await openStore({ url, migrate: false, prepare, log: () => {} });
    try {
      return [
        ...owner,
        ...(await checkRevokedKeys(store, keys, now)),
        ...(await checkTime(store, configuration, now)),
        ...(await checkSessions(store, now)),
        ...(await checkHashes(store)),
      ];
    } finally {
      await store.close();
    }
  } catch (error) {
    if (error instanceof DatabaseError || error instanceof AmphoError)
      return [finding("error", "database", error.message, "see docs/operating.md, Bad days")];
    throw error;
  }
}

interface SchemaFindings {
  /** What keeps everything else from being looked at. */
  readonly open: readonly Finding[];
  readonly owner: readonly Finding[];
}

async function checkSchema({ databaseUrl, databaseMigrate }: Configuration): Promise<SchemaFindings> {
  const migrations = await openMigrations(databaseUrl);
  try {
    // Rejects when the schema is newer than this program.
    await migrations.current();
    const open = (await migrations.list()).filter(({ appliedAt }) => appliedAt === null).length;
    const auto = databaseMigrate === "auto";
    if (open === 0) return { open: [], owner: (await migrations.owns()) ? [ownerServes(auto)] : [] };
    const message = `the schema is not up to date: ${open} ${open === 1 ? "migration is" : "migrations are"} not applied`;
    const mend = auto
      ? "the next start applies them; or `ampho db-up` now"
      : "`ampho db-up`: until then nothing starts";
    return { open: [finding(auto ? "warning" : "error", "schema", message, mend)], owner: [] };
  } finally {
    await migrations.close();
  }
}

/** Processes that migrate by themselves have to be it. */
const ownerServes = (auto: boolean): Finding =>
  finding(
    auto ? "note" : "warning",
    "schema",
    "the role that serves owns the tables: whoever takes over a process can drop the audit log",
    "serve as a role that reads and writes rows and nothing else (docs/operating.md, Two roles); the owner is for `ampho db-up`",
  );

async function checkRevokedKeys(store: Store, keys: readonly Key[], now: number): Promise<readonly Finding[]> {
  const { rows } = await store.readRevocations({ after: 0, now });
  const revoked = new Set(rows.flatMap((row) => (row.kind === "key" ? [row.kid] : [])));
  return keys.flatMap(({ kid }, at) => {
    if (!revoked.has(kid)) return [];
    return at === 0
      ? [
          finding(
            "error",
            "key",
            `key ${kid}, which signs, was revoked: logins are answered 503`,
            "put a new key in its place: `ampho sec-rotate-key --keep 0 --in-place` (docs/keys.md, A key was stolen)",
          ),
        ]
      : [finding("note", "key", `key ${kid} was revoked and is still configured`, "take it out of the set")];
  });
}

/** A store with a clock of its own tells it; and what was written last was written before now, unless a clock has stepped. */
async function checkTime(store: Store, { tokenLeeway }: Configuration, now: number): Promise<readonly Finding[]> {
  const storeMs = await store.readClock();
  if (storeMs !== undefined) {
    const apart = Math.round(Math.abs(storeMs / 1000 - now));
    if (apart <= apartWarnSeconds) return [];
    const severity = apart > tokenLeeway ? "error" : "warning";
    const message = `this machine's clock is ${apart} seconds away from the database's`;
    return [finding(severity, "clock", message, "run NTP on both")];
  }
  const [last] = await store.listAudit({ login: undefined, since: undefined, limit: 1 });
  const aheadSeconds = (last?.at ?? 0) - now;
  if (aheadSeconds <= Math.max(tokenLeeway, 5)) return [];
  const message = `the newest entry of the database lies ${aheadSeconds} seconds ahead of this machine's clock: one of the clocks is or was wrong`;
  return [finding("error", "clock", message, "run NTP on every machine that serves")];
}

async function checkSessions(store: Store, now: number): Promise<readonly Finding[]> {
  const { live, idle } = await store.countSessions({ now, idleSince: now - idleSeconds });
  if (idle === 0) return [];
  const message = `${idle} of ${live} live sessions were not renewed for 30 days: only a thief would miss them`;
  return [
    finding(
      "note",
      "sessions",
      message,
      "lower AMPHO_SECURITY_SESSION_IDLE_TTL for those to come; `ampho session-end --all` ends all",
    ),
  ];
}

/** Found at some millions of attempts a second by whoever holds a copy of the database. */
const fastFormats = /^(?:ldap-|salted-|md5|apr1|phpass)/;

async function checkHashes(store: Store): Promise<readonly Finding[]> {
  const old = (await countHashFormats({ store })).filter(({ format, current }) => format !== null && !current);
  const fast = old.filter(({ format }) => fastFormats.test(format ?? ""));
  if (old.length === 0) return [];
  const listed = old.map(({ format, users }) => `${users} ${format}`).join(", ");
  const severity = fast.length > 0 ? "warning" : "note";
  const weak = fast.length > 0 ? "; some of them fall to fast attempting if the database is stolen" : "";
  const message = `passwords in formats of other systems are left (${listed}): each is replaced at its user's next login${weak}`;
  return [
    finding(
      severity,
      "hashes",
      message,
      "disable accounts that nobody uses, give others a new password: `ampho user-hashes` counts",
    ),
  ];
}
