// API keys of any user, for operators and for `ampho.apiKeys`.
import type { Origin } from "../../audit/entry.js";
import { randomId } from "../../crypto/random.js";
import { AmphoError } from "../../errors.js";
import { isStorableText } from "../../store/storable-text.js";
import { apiKeyHash, apiKeyTest } from "../../tokens/api-key.js";
import { type Account, originFor } from "../../users/directory.js";
import type { ApiKeyView, NewApiKey } from "../../wire/keys.js";
import type { Deps } from "../deps.js";
import { findAccount } from "../find/account.js";
import { type ApiKeyOptions, addKey, replaceKey, toKeyView } from "../find/api-key.js";

type KeyDeps = Pick<Deps, "store" | "directory" | "revocations" | "clock" | "settings">;

/** Rejects with `not_found` for an unknown or disabled user, and with `invalid_request`. */
export async function createKey(
  deps: KeyDeps,
  userId: string,
  options: ApiKeyOptions,
  origin: Origin,
): Promise<NewApiKey> {
  const owner = await requireOwner(deps, userId);
  return addKey(deps, owner, options, askerOf(deps, owner, origin));
}

async function requireOwner(deps: KeyDeps, userId: string): Promise<Account> {
  if (deps.settings.keysPerUser === 0)
    throw new AmphoError("not_found", "There are no API keys here. Set AMPHO_SECURITY_KEYS_PER_USER.");
  const account = await findAccount(deps, userId);
  if (account === undefined || account.disabled)
    throw new AmphoError("not_found", "There is no user with this id who could have API keys.");
  return account;
}

function askerOf({ clock, settings }: KeyDeps, owner: Account, origin: Origin) {
  const { id: userId, login, stored } = owner;
  const who = { userId, login, stored: stored === undefined ? (false as const) : {}, own: undefined };
  return { ...who, now: clock.now(), origin: originFor(owner, origin), keysMax: settings.keysPerUser };
}

export const listKeys = async ({ store }: KeyDeps, userId: string): Promise<readonly ApiKeyView[]> =>
  isStorableText(userId) ? (await store.listKeys(userId)).map(toKeyView) : [];

/** Rejects with `not_found` unless the user has the key. */
export async function rotateKey(
  deps: KeyDeps,
  userId: string,
  rotated: { readonly id: string; readonly overlap?: number | undefined },
  origin: Origin,
): Promise<NewApiKey> {
  const owner = await requireOwner(deps, userId);
  return replaceKey(deps, owner, rotated, askerOf(deps, owner, origin));
}

/** Resolves to false if there is no such key. */
export async function revokeKey(
  { store, revocations, clock }: KeyDeps,
  id: string,
  origin: Origin,
  reason?: string,
): Promise<boolean> {
  if (!isStorableText(id)) return false;
  const removed = await store.removeKey({ id, userId: undefined, reason, now: clock.now(), origin });
  revocations.add(removed.revocations);
  return removed.outcome === "done";
}

/** Resolves to the number of ended keys. */
export async function revokeKeysOf(
  { store, revocations, clock }: KeyDeps,
  userId: string,
  origin: Origin,
): Promise<number> {
  if (!isStorableText(userId)) return 0;
  const rows = await store.removeUserKeys({ userId, now: clock.now(), origin });
  revocations.add(rows);
  return rows.filter(({ kind }) => kind === "session").length;
}

/** This process rejects them when it next reads the revocations, as every other does. */
export async function revokeEveryKey({ store, clock }: KeyDeps, origin: Origin): Promise<void> {
  await store.removeAllKeys({ random: randomId(), now: clock.now(), origin });
}

/** A text that might be an API key, and its owner. */
export interface InspectedKey {
  /** False: the text is no key of this brand, or was cut or mistyped. */
  readonly form: boolean;
  /** Null: no key in the database has this text. It was ended, or was never one. */
  readonly key: ApiKeyView | null;
  /** The id of its owner, or null. */
  readonly user: string | null;
  /** The login of its owner when the key was created, or the name of the service, or null. */
  readonly login: string | null;
  /** False also for a key that has expired, or whose owner is gone or disabled. */
  readonly good: boolean;
}

export async function inspectKey(deps: KeyDeps, text: string): Promise<InspectedKey> {
  const form = apiKeyTest(deps.settings.keyBrand)(text);
  const row = form ? await deps.store.findKeyByHash(apiKeyHash(text)) : undefined;
  if (row === undefined) return { form, key: null, user: null, login: null, good: false };
  const { userId: user, login, expiresAt } = row;
  const service = await deps.store.findService(user);
  if (service !== undefined) {
    const good = deps.settings.tokenEndpoint && expiresAt > deps.clock.now() && !service.disabled;
    return { form, key: { ...toKeyView(row), scopes: service.scopes }, user, login: service.name, good };
  }
  // A command cannot read an application's own table.
  const isOut = await deps.directory.fromRows(
    async () => (await deps.directory.findSessionUser(row))?.disabled ?? true,
  );
  const good = deps.settings.keysPerUser > 0 && expiresAt > deps.clock.now() && isOut !== true;
  return { form, key: toKeyView(row), user, login, good };
}
