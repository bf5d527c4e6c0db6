// API keys of the user's own account (docs/guides/api-keys.md). A new key needs a recent login at the highest level of
// the account, as everything with which another one could act for the user.
import { AmphoError } from "../../errors.js";
import type { ApiKeyView, NewApiKey } from "../../wire/keys.js";
import { factorChangeOf } from "../account/factor-change.js";
import type { Caller, Deps } from "../deps.js";
import {
  type ApiKeyOptions,
  prepareKey,
  prepareSuccessor,
  requireKeyDone,
  toKeyView,
  unknownKey,
} from "../find/api-key.js";
import { type Authenticated, requireSession } from "../find/own-session.js";
import { type Recent, requireRecent } from "../prove/recent.js";

/** Rejects like `requireRecent`, and with `invalid_request`. */
export async function createOwnKey(
  deps: Deps,
  { auth, ...options }: Authenticated & ApiKeyOptions,
  caller: Caller,
): Promise<NewApiKey> {
  const recent = await requireRecent(deps, auth);
  const { key, view } = prepareKey(deps, recent.account, options);
  requireKeyDone(deps, await deps.store.createKey({ ...askerOf(deps, recent, caller), key }));
  return view;
}

function askerOf(deps: Deps, recent: Recent, caller: Caller) {
  const { factorsVersion } = recent;
  const who = factorChangeOf(deps, recent, caller);
  return { ...who, factorsVersion, keysMax: deps.settings.keysPerUser };
}

export async function listOwnKeys(deps: Deps, { auth }: Authenticated): Promise<readonly ApiKeyView[]> {
  const { userId } = requireSession(auth);
  return (await deps.store.listKeys(userId)).map(toKeyView);
}

/** The old key ends after `overlap` seconds. Rejects like `createOwnKey`, and with `not_found`. */
export async function rotateOwnKey(
  deps: Deps,
  { auth, id, overlap }: Authenticated & { readonly id: string; readonly overlap: number },
  caller: Caller,
): Promise<NewApiKey> {
  const recent = await requireRecent(deps, auth);
  const { account } = recent;
  const old = (await deps.store.listKeys(account.id)).find((each) => each.id === id);
  if (old === undefined) throw unknownKey();
  const { key, view } = prepareSuccessor(deps, account, old);
  const rotation = { ...askerOf(deps, recent, caller), key, from: id, overlapSeconds: overlap };
  requireKeyDone(deps, await deps.store.rotateKey(rotation));
  return view;
}

/** Any session can end a key. Rejects with `not_found` unless it is the user's. */
export async function removeOwnKey(
  { store, revocations, clock }: Deps,
  { auth, id }: Authenticated & { readonly id: string },
  caller: Caller,
): Promise<void> {
  const { userId } = requireSession(auth);
  const removed = await store.removeKey({ id, userId, now: clock.now(), origin: caller });
  if (removed.outcome !== "done") throw new AmphoError("not_found", "You have no API key with this id.");
  revocations.add(removed.revocations);
}
