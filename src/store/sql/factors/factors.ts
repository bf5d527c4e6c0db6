// Second factors of an account: TOTP secrets, recovery codes, the account's version. Every statement on a factor names its
// user. One conditional update uses a factor up, and its row decides.
import { type FactorName, factorNames } from "../../../levels/decide.js";
import { integer, type Row, text, textOrNull } from "../../rows.js";
import { first, query, queryLast, queryLastRow, type Transaction, write } from "../../transaction.js";
import { columnsOf } from "../keyed-rows.js";
import { type AccountFactors, accountOf } from "../state.js";
import { deletePasskeys, insertPasskey, type NewPasskeyRow, type PasskeyTouch, usePasskey } from "./passkeys.js";

/** An encrypted TOTP secret and the `kid` of its key. */
export interface SealedSecret {
  readonly secret: string;
  readonly kid: string;
}

/** The use of one second factor. */
export type FactorUse =
  | {
      readonly factor: "totp";
      /** The secret that the code was checked against. Another one by now rejects the code. */
      readonly secret: string;
      readonly step: number;
      /** The same secret under the key that signs now. */
      readonly moved?: SealedSecret | undefined;
    }
  | { readonly factor: "recovery_code"; readonly hash: string }
  | PasskeyTouch;

/** Uses the factor up. False: it was used before, was replaced, or is not this user's. */
export function* useFactor(userId: string, use: FactorUse, now: number): Transaction<boolean> {
  // TypeScript does not follow that the row and `use` are of the same factor.
  const row = factorRows[use.factor] as FactorRow<FactorUse>;
  return yield* row.use(userId, use, now);
}

/** `id`: one passkey. Undefined: the whole factor. */
export const deleteFactor = (userId: string, factor: FactorName, id?: string) => factorRows[factor].remove(userId, id);

interface FactorRow<U> {
  readonly use: (userId: string, use: U, now: number) => Transaction<boolean>;
  readonly remove: (userId: string, id?: string) => Transaction<void>;
}

/** How each second factor is used up and removed. */
const factorRows: { readonly [F in FactorName]: FactorRow<Extract<FactorUse, { readonly factor: F }>> } = {
  passkey: { use: usePasskey, remove: deletePasskeys },
  totp: { use: useStep, remove: deleteTotp },
  recovery_code: { use: useCode, remove: (userId) => writeCodes(userId, []) },
};

function* useCode(
  userId: string,
  { hash }: Extract<FactorUse, { factor: "recovery_code" }>,
  now: number,
): Transaction<boolean> {
  const row = yield* first(
    "update ampho_recovery set used_at = ? where hash = ? and user_id = ? and used_at is null returning hash",
    [now, hash, userId],
  );
  return row !== undefined;
}

/** RFC 6238 §5.2: a step is accepted once, and none before it. */
function* useStep(
  userId: string,
  { secret, step, moved }: Extract<FactorUse, { factor: "totp" }>,
): Transaction<boolean> {
  const row = moved
    ? yield* first(
        `update ampho_totp set last_step = ?, secret = ?, kid = ?
         where user_id = ? and secret = ? and last_step < ? returning user_id`,
        [step, moved.secret, moved.kid, userId, secret, step],
      )
    : yield* first(
        "update ampho_totp set last_step = ? where user_id = ? and secret = ? and last_step < ? returning user_id",
        [step, userId, secret, step],
      );
  return row !== undefined;
}

/** Sets the user handle, which all passkeys of the account have. The account has a row. */
export function* writeHandle(userId: string, handle: string): Transaction<void> {
  yield* write("update ampho_accounts set handle = ? where user_id = ?", [handle, userId]);
}

/** How many recovery codes are left. Without any, they are no factor of the account. */
export function* countCodes(userId: string): Transaction<number> {
  const row = yield* first("select count(*) as left from ampho_recovery where user_id = ? and used_at is null", [
    userId,
  ]);
  return row ? integer(row, "left") : 0;
}

export interface NewTotp extends SealedSecret {
  /** The step of the code that confirmed it, which counts as used. */
  readonly step: number;
}

const totpColumns = columnsOf("user_id", "secret", "kid", "last_step", "since", "added_by");
const insertTotp = `insert into ampho_totp (${totpColumns.list}) values (${totpColumns.placeholders})`;

/** `addedBy`: the session. Undefined for an import. */
export function* writeTotp(
  userId: string,
  { secret, kid, step }: NewTotp,
  now: number,
  addedBy: string | undefined,
): Transaction<void> {
  yield* deleteTotp(userId);
  yield* write(
    insertTotp,
    totpColumns.values({ user_id: userId, secret, kid, last_step: step, since: now, added_by: addedBy ?? null }),
  );
}

const codeColumns = columnsOf("hash", "user_id");
const insertCode = `insert into ampho_recovery (${codeColumns.list}) values (${codeColumns.placeholders})`;

/** Replaces all recovery codes, used or not. */
export function* writeCodes(userId: string, hashes: readonly string[]): Transaction<void> {
  yield* write("delete from ampho_recovery where user_id = ?", [userId]);
  for (const hash of hashes) yield* write(insertCode, codeColumns.values({ hash, user_id: userId }));
}

function* deleteTotp(userId: string): Transaction<void> {
  yield* write("delete from ampho_totp where user_id = ?", [userId]);
}

export function* deleteFactors(userId: string): Transaction<void> {
  for (const factor of factorNames) yield* deleteFactor(userId, factor);
}

/** Deletes everything that an account is besides its user. */
export function* deleteAccount(userId: string): Transaction<void> {
  yield* deleteFactors(userId);
  yield* write("delete from ampho_identities where user_id = ?", [userId]);
  yield* write("delete from ampho_accounts where user_id = ?", [userId]);
  yield* write("delete from ampho_mail where user_id = ? and kind <> 'account_deleted'", [userId]);
}

export interface ImportedFactors {
  readonly passkeys?: { readonly handle: string | undefined; readonly passkeys: readonly NewPasskeyRow[] } | undefined;
  readonly totp?: (SealedSecret & { readonly recoveryHashes: readonly string[] }) | undefined;
}

/** False: an account has the handle, a passkey or a recovery code. */
export function* importFactors(userId: string, { passkeys, totp }: ImportedFactors, now: number): Transaction<boolean> {
  const codes = totp?.recoveryHashes ?? [];
  const factors = withFactors(
    [],
    ...(passkeys ? (["passkey"] as const) : []),
    ...(totp ? (["totp"] as const) : []),
    ...(codes.length > 0 ? (["recovery_code"] as const) : []),
  );
  if (factors.length === 0) return true;
  if (passkeys && !(yield* importPasskeys(userId, passkeys, now))) return false;
  for (const hash of codes)
    if (
      !(yield* first(
        `${insertCode} on conflict do nothing returning hash`,
        codeColumns.values({ hash, user_id: userId }),
      ))
    )
      return false;
  // No step was used here. The present one can have been used at the other system.
  if (totp) yield* writeTotp(userId, { ...totp, step: Math.floor(now / 30) }, now, undefined);
  yield* writeAccount(userId, { factorsVersion: now, devicesVersion: 0, factors, policy: undefined });
  if (passkeys?.handle !== undefined) yield* writeHandle(userId, passkeys.handle);
  return true;
}

function* importPasskeys(
  userId: string,
  { handle, passkeys }: NonNullable<ImportedFactors["passkeys"]>,
  now: number,
): Transaction<boolean> {
  const isTaken =
    handle !== undefined &&
    (yield* first("select user_id from ampho_accounts where handle = ?", [handle])) !== undefined;
  if (isTaken) return false;
  for (const passkey of passkeys) if (!(yield* insertPasskey(userId, passkey, now, undefined))) return false;
  return true;
}

const accountColumns = columnsOf("user_id", "factors_version", "devices_version", "factors", "policy");

/** Writes the account's row. Each change of its factors has a new version. */
export function* writeAccount(userId: string, account: AccountFactors): Transaction<void> {
  yield* write(
    `insert into ampho_accounts (${accountColumns.list}) values (${accountColumns.placeholders})
     on conflict (user_id) do update set
       factors_version = excluded.factors_version, devices_version = excluded.devices_version,
       factors = excluded.factors, policy = excluded.policy`,
    accountColumns.values({
      user_id: userId,
      factors_version: account.factorsVersion,
      devices_version: account.devicesVersion,
      factors: JSON.stringify(account.factors),
      policy: account.policy ?? null,
    }),
  );
}

/** The factors without one, as `factors` names them. */
export function without(factors: readonly FactorName[], gone: FactorName): readonly FactorName[] {
  return factors.filter((factor) => factor !== gone);
}

export function withFactors(factors: readonly FactorName[], ...added: readonly FactorName[]): readonly FactorName[] {
  return factorNames.filter((name) => factors.includes(name) || added.includes(name));
}

interface StoredTotp extends SealedSecret {
  readonly lastStep: number;
  readonly since: number;
}

export interface Factors extends AccountFactors {
  readonly totp: StoredTotp | undefined;
  readonly recoveryCodesLeft: number;
  /** The second factors that an import has brought. The first proof of an address asks for no other. */
  readonly given: readonly FactorName[];
}

const select = `select factors_version, devices_version, factors, policy, secret, kid, last_step, since, added_by,
    (select count(*) from ampho_passkeys where ampho_passkeys.user_id = asked.user_id and added_by is null) as given_keys,
    (select count(*) from ampho_recovery where ampho_recovery.user_id = asked.user_id and used_at is null) as codes_left
  from (select cast(? as text) as user_id) as asked
  left join ampho_accounts on ampho_accounts.user_id = asked.user_id
  left join ampho_totp on ampho_totp.user_id = asked.user_id`;

/** One statement. A user without factors has a result too. */
export function* listFactors(userId: string): Transaction<Factors> {
  const row = yield* queryLastRow(select, [userId]);
  if (!row) throw new TypeError("a select from one row has one row");
  const totp =
    textOrNull(row, "secret") === null
      ? undefined
      : {
          ...sealedOf(row),
          lastStep: integer(row, "last_step"),
          since: integer(row, "since"),
        };
  const account = accountOf(row);
  const isTotpGiven = totp !== undefined && textOrNull(row, "added_by") === null;
  const given = givenOf(account.factors, isTotpGiven, integer(row, "given_keys"));
  return { ...account, totp, recoveryCodesLeft: integer(row, "codes_left"), given };
}

/** The factors that the first proof of an address leaves. Recovery codes come with an app. */
export function givenOf(
  factors: readonly FactorName[],
  isTotpGiven: boolean,
  givenPasskeys: number,
): readonly FactorName[] {
  const isGiven: Readonly<Record<FactorName, boolean>> = {
    passkey: givenPasskeys > 0,
    totp: isTotpGiven,
    recovery_code: isTotpGiven,
  };
  return factors.filter((factor) => isGiven[factor]);
}

function sealedOf(row: Row): SealedSecret {
  return { secret: text(row, "secret"), kid: text(row, "kid") };
}

export interface OwnedSecret extends SealedSecret {
  readonly userId: string;
}

/** A page of the secrets that are not under this key. */
export function* listOldSecrets(input: {
  readonly kid: string;
  /** The user behind whom the page starts. */
  readonly after: string | undefined;
  readonly limit: number;
}): Transaction<readonly OwnedSecret[]> {
  const rows = yield* queryLast(
    "select user_id, secret, kid from ampho_totp where kid <> ? and user_id > ? order by user_id limit ?",
    [input.kid, input.after ?? "", input.limit],
  );
  return rows.map((row) => ({ userId: text(row, "user_id"), ...sealedOf(row) }));
}

/** Moves a secret to another key. False: the user has another secret by now. */
export function* rekeyTotp(input: {
  readonly userId: string;
  readonly from: string;
  readonly to: SealedSecret;
}): Transaction<boolean> {
  const row = yield* first(
    "update ampho_totp set secret = ?, kid = ? where user_id = ? and secret = ? returning user_id",
    [input.to.secret, input.to.kid, input.userId, input.from],
  );
  return row !== undefined;
}

/** Counts the secrets under each key. */
export function* countSecretsByKey(): Transaction<Readonly<Record<string, number>>> {
  const rows = yield* query("select kid, count(*) as secrets from ampho_totp group by kid");
  return Object.fromEntries(rows.map((row) => [text(row, "kid"), integer(row, "secrets")]));
}
