// Secrets of authenticator apps. One conditional update uses a code up, and its row decides.
import { type Row, text } from "../../rows.js";
import { count, exists, first, type Transaction, write } from "../../transaction.js";
import { asInteger, asText, orUndefined, type RowOf, tableOf } from "../rows/table.js";

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
export function useStep(userId: string, { secret, step, moved }: TotpUse): Transaction<boolean> {
  const { sql, values } = moved
    ? { sql: ", secret = ?, kid = ?", values: [moved.secret, moved.kid] }
    : { sql: "", values: [] };
  return exists(
    `update ampho_totp set last_step = ?${sql} where user_id = ? and secret = ? and last_step < ? returning user_id`,
    [step, ...values, userId, secret, step],
  );
}

export interface NewTotp extends SealedSecret {
  /** The step of the code that confirmed it, which counts as used. */
  readonly step: number;
}

const sealed = { secret: asText, kid: asText };
const stored = { ...sealed, lastStep: asInteger, since: asInteger };
const totps = tableOf("ampho_totp", stored);
const newTotps = tableOf("ampho_totp", { userId: asText, ...stored, addedBy: orUndefined(asText) });

/** `addedBy`: the session. Undefined for an import. */
export function* writeTotp(
  userId: string,
  { secret, kid, step }: NewTotp,
  now: number,
  addedBy: string | undefined,
): Transaction<void> {
  yield* deleteTotp(userId);
  yield* write(newTotps.insert, newTotps.values({ userId, secret, kid, lastStep: step, since: now, addedBy }));
}

export const deleteTotp = (userId: string): Transaction<void> =>
  write("delete from ampho_totp where user_id = ?", [userId]);

export type StoredTotp = RowOf<typeof totps>;

/** From a row with the columns of the secret. */
export const storedTotpOf = (row: Row): StoredTotp | undefined => totps.joinedOf(row);

const ownedSecrets = tableOf("ampho_totp", { userId: asText, ...sealed });
export type OwnedSecret = RowOf<typeof ownedSecrets>;

/** A page of the secrets that are not under this key. */
export function listOldSecrets(input: {
  readonly kid: string;
  /** The user behind whom the page starts. */
  readonly after: string | undefined;
  readonly limit: number;
}): Transaction<readonly OwnedSecret[]> {
  const { kid, after = "", limit } = input;
  return ownedSecrets.allLast("where kid <> ? and user_id > ? order by user_id limit ?", [kid, after, limit]);
}

/** Moves a secret to another key. False: the user has another secret by now. */
export function rekeyTotp(input: {
  readonly userId: string;
  readonly from: string;
  readonly to: SealedSecret;
}): Transaction<boolean> {
  const { userId, from, to } = input;
  const sql = "update ampho_totp set secret = ?, kid = ? where user_id = ? and secret = ? returning user_id";
  return exists(sql, [to.secret, to.kid, userId, from]);
}

const countedMax = 1000;

/** Counts the secrets under each key, at most 1000. Looks for one key behind another, so that it does not read all. */
export function* countSecretsByKey(): Transaction<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {};
  const next = "select kid from ampho_totp where kid > ? order by kid, user_id limit 1";
  const some = "select 1 from ampho_totp where kid = ? order by user_id limit ?";
  for (let row = yield* first(next, [""]); row !== undefined; ) {
    const kid = text(row, "kid");
    counts[kid] = yield* count(`select count(*) from (${some}) as limited`, [kid, countedMax]);
    row = yield* first(next, [kid]);
  }
  return counts;
}
