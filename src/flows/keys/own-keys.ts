// API keys of the user's own account (docs/guides/api-keys.md). A new key needs a recent login at the highest level of
// the account, as everything with which another one could act for the user.
import { AmphoError } from "../../errors.js";
import type { ApiKeyView, NewApiKey } from "../../wire/keys.js";
import { factorChangeOf } from "../account/factor-change.js";
import type { Caller, Deps, OwnFlow } from "../deps.js";
import { type ApiKeyOptions, addKey, type KeyAsker, replaceKey, toKeyView } from "../find/api-key.js";
import { requireSession } from "../find/own-session.js";
import { type Recent, requireRecent } from "../prove/recent.js";

export const createOwnKey: OwnFlow<NewApiKey, ApiKeyOptions> = async (deps, { auth, ...options }, caller) => {
  const recent = await requireRecent(deps, auth);
  return limited(deps, recent, caller, (asker) => addKey(deps, recent.account, options, asker));
};

/** Only a key that is created counts. So many can end in an hour at most, and each can end at any time. */
async function limited(
  deps: Deps,
  recent: Recent,
  caller: Caller,
  create: (asker: KeyAsker) => Promise<NewApiKey>,
): Promise<NewApiKey> {
  const asker = askerOf(deps, recent, caller);
  const allowed = await deps.throttle.allowKey(asker);
  return allowed.run(() => create({ ...asker, attempt: allowed.attempt() }));
}

function askerOf(deps: Deps, recent: Recent, caller: Caller) {
  const { factorsVersion } = recent;
  const who = factorChangeOf(deps, recent, caller);
  return { ...who, factorsVersion, keysMax: deps.settings.keysPerUser };
}

export const listOwnKeys: OwnFlow<readonly ApiKeyView[]> = async (deps, { auth }) => {
  const { userId } = requireSession(auth);
  return (await deps.store.listKeys(userId)).map(toKeyView);
};

type Rotated = { readonly id: string; readonly overlap: number };

export const rotateOwnKey: OwnFlow<NewApiKey, Rotated> = async (deps, { auth, ...rotated }, caller) => {
  const recent = await requireRecent(deps, auth);
  return limited(deps, recent, caller, (asker) => replaceKey(deps, recent.account, rotated, asker));
};

/** Any session can end a key. Rejects with `not_found` unless it is the user's. */
export const removeOwnKey: OwnFlow<void, { readonly id: string }> = async ({ store, clock }, { auth, id }, caller) => {
  const { userId } = requireSession(auth);
  const removed = await store.removeKey({ id, userId, now: clock.now(), origin: caller });
  if (removed.outcome !== "done") throw new AmphoError("not_found", "You have no API key with this id.");
};
