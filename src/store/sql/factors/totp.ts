// Secrets of authenticator apps. One conditional update uses a code up, and its row decides.

import { integer, type Row, text, textOrNull } from "../../rows.js";
import { first, query, queryLast, type Transaction, write } from "../../transaction.js";
import { columnsOf } from "../keyed-rows.js";

/** An encrypted TOTP secret and the `kid` of its key. */
export interface SealedSecret {
  readonly secret: string;
  readonly kid: string;
}

export interface TotpUse {
  readonly factor: "totp";
  /** The secret that the code was checked against. Another one by now rejects the code. */
  readonly secret: string;
  readonly step: number;
  /** The same secret under the key that signs now. */
  readonly moved?: SealedSecret | undefined;
}

/** RFC 6238 §5.2: a step is accepted once, and none before it. */
export function* useStep(userId: string, { secret, step, moved }: TotpUse): Transaction<boolean> {
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

export function* deleteTotp(userId: string): Transaction<void> {
  yield* write("delete from ampho_totp where user_id = ?", [userId]);
}

export interface StoredTotp extends SealedSecret {
  readonly lastStep: number;
  readonly since: number;
}

/** From a row with the columns of the secret. */
export function storedTotpOf(row: Row): StoredTotp | undefined {
  if (textOrNull(row, "secret") === null) return undefined;
  return { ...sealedOf(row), lastStep: integer(row, "last_step"), since: integer(row, "since") };
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
