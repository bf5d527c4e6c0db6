// API keys of the user's own account (docs/guides/api-keys.md). A new key needs a recent login at the highest level of
// the account, as everything with which another one could act for the user.
import { AmphoError } from "../../errors.js";
import type { ApiKeyView, NewApiKey } from "../../wire/api-keys.js";
import type { Caller, Deps, OwnFlow } from "../deps.js";
import { type ApiKeyAsker, type ApiKeyOptions, addApiKey, replaceApiKey, toApiKeyView } from "../find/api-key.js";
import { requireSession } from "../find/own-session.js";
import { type Recent, requireRecent } from "../prove/recent.js";
import { factorChangeOf } from "./factor-change.js";

export const createOwnApiKey: OwnFlow<NewApiKey, ApiKeyOptions> = async (deps, { auth, ...options }, caller) => {
  const recent = await requireRecent(deps, auth);
  return limited(deps, recent, caller, (asker) => addApiKey(deps, recent.account, options, asker));
};

/** Only a key that is created counts. So many can end in an hour at most, and each can end at any time. */
async function limited(
  deps: Deps,
  recent: Recent,
  caller: Caller,
  create: (asker: ApiKeyAsker) => Promise<NewApiKey>,
): Promise<NewApiKey> {
  const asker = askerOf(deps, recent, caller);
  const allowed = await deps.throttle.allowApiKey(asker);
  return allowed.run(() => create({ ...asker, attempt: allowed.attempt() }));
}

function askerOf(deps: Deps, recent: Recent, caller: Caller) {
  const { factorsVersion } = recent;
  const who = factorChangeOf(deps, recent, caller);
  return { ...who, factorsVersion, apiKeysMax: deps.settings.apiKeysPerUser };
}

export const listOwnApiKeys: OwnFlow<readonly ApiKeyView[]> = async (deps, { auth }) => {
  const { userId } = requireSession(auth);
  return (await deps.store.listApiKeys(userId)).map(toApiKeyView);
};

type Rotated = { readonly id: string; readonly overlap: number };

export const rotateOwnApiKey: OwnFlow<NewApiKey, Rotated> = async (deps, { auth, ...rotated }, caller) => {
  const recent = await requireRecent(deps, auth);
  return limited(deps, recent, caller, (asker) => replaceApiKey(deps, recent.account, rotated, asker));
};

/** Any session can end a key. Rejects with `not_found` unless it is the user's. */
export const removeOwnApiKey: OwnFlow<void, { readonly id: string }> = async (
  { store, clock },
  { auth, id },
  caller,
) => {
  const { userId } = requireSession(auth);
  const removed = await store.removeApiKey({ id, userId, now: clock.now(), origin: caller });
  if (removed.outcome !== "done") throw new AmphoError("not_found", "You have no API key with this id.");
};
