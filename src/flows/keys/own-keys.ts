// API keys of the user's own account (docs/guides/api-keys.md). A new key needs a recent login at the highest level of
// the account, as everything with which another one could act for the user.
import { AmphoError } from "../../errors.js";
import type { ApiKeyView, NewApiKey } from "../../wire/keys.js";
import { factorChangeOf } from "../account/factor-change.js";
import type { Caller, Deps, OwnFlow } from "../deps.js";
import { type ApiKeyOptions, addKey, replaceKey, toKeyView } from "../find/api-key.js";
import { requireSession } from "../find/own-session.js";
import { type Recent, requireRecent } from "../prove/recent.js";

export const createOwnKey: OwnFlow<NewApiKey, ApiKeyOptions> = async (deps, { auth, ...options }, caller) => {
  const recent = await requireRecent(deps, auth);
  return addKey(deps, recent.account, options, askerOf(deps, recent, caller));
};

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
  return replaceKey(deps, recent.account, rotated, askerOf(deps, recent, caller));
};

/** Any session can end a key. Rejects with `not_found` unless it is the user's. */
export const removeOwnKey: OwnFlow<void, { readonly id: string }> = async ({ store, clock }, { auth, id }, caller) => {
  const { userId } = requireSession(auth);
  const removed = await store.removeKey({ id, userId, now: clock.now(), origin: caller });
  if (removed.outcome !== "done") throw new AmphoError("not_found", "You have no API key with this id.");
};
