// A new API key, its rules, and the views of keys. It needs no signing key, so that commands can load it.
import { randomId } from "../../crypto/random.js";
import { AmphoError, invalidRequest } from "../../errors.js";
import { scopesOf } from "../../levels/scopes.js";
import type { ApiKeyChange, ApiKeyOutcome, ApiKeyRow, NewApiKeyRow } from "../../store/sql/account/api-keys.js";
import { apiKeyIdPrefix } from "../../store/sql/effects/api-key-ends.js";
import { apiKeyHash, apiKeyStart, generateApiKey } from "../../tokens/api-key.js";
import type { Account } from "../../users/directory.js";
import type { ApiKeyView, NewApiKey } from "../../wire/api-keys.js";
import type { Deps } from "../deps.js";
import { cleanName } from "./name.js";

/** An API key to create. */
export interface ApiKeyOptions<S extends string = string> {
  /** A name for the owner's list, cut to 100 characters. */
  readonly name: string;
  /** At least one scope, and only scopes that the owner has. */
  readonly scopes: readonly S[];
  /** The end in Unix seconds, at most 366 days ahead. By default in 90 days. */
  readonly expires?: number | undefined;
}

const daySeconds = 86_400;
const lifeMaxSeconds = 366 * daySeconds;
const lifeSeconds = 90 * daySeconds;

type ApiKeyDeps = Pick<Deps, "settings" | "clock">;

interface Prepared {
  readonly key: NewApiKeyRow;
  readonly view: NewApiKey;
}

function prepareKey(deps: ApiKeyDeps, owner: Account, options: ApiKeyOptions): Prepared {
  const { settings, clock } = deps;
  const { name, scopes, expires = clock.now() + lifeSeconds } = options;
  const present = scopesOf(owner.roles, settings.scopes);
  if (scopes.length === 0) throw invalidRequest("An API key needs at least one scope.", "scopes");
  if (new Set(scopes).size < scopes.length) throw invalidRequest("The same scope must not occur twice.", "scopes");
  if (!scopes.every((scope) => present.includes(scope)))
    throw invalidRequest("An API key can have no scope that its owner does not have.", "scopes");
  return newKey(deps, cleanName(name, "API key"), scopes, requireEnd(deps, expires));
}

function requireEnd({ clock }: ApiKeyDeps, expires: number): number {
  if (Number.isSafeInteger(expires) && expires > clock.now() && expires <= clock.now() + lifeMaxSeconds) return expires;
  throw invalidRequest("The end of an API key must lie ahead, by at most 366 days.", "expires");
}

/** A key of a service account has the scopes that the service has at each time. Throws `invalid_request`. */
export function prepareServiceApiKey(
  deps: ApiKeyDeps,
  service: { readonly name: string; readonly scopes: readonly string[] },
  options: { readonly name?: string | undefined; readonly expires?: number | undefined },
): Prepared {
  const { name = service.name, expires = deps.clock.now() + lifeSeconds } = options;
  const { key, view } = newKey(deps, cleanName(name, service.name), [], requireEnd(deps, expires));
  return { key, view: { ...view, scopes: service.scopes } };
}

/** The successor of a key has its name, its length of life, and its scopes without those that the owner has lost. */
function prepareSuccessor(deps: ApiKeyDeps, owner: Account, old: ApiKeyRow): Prepared {
  const { settings, clock } = deps;
  const present = scopesOf(owner.roles, settings.scopes);
  const scopes = old.scopes.filter((scope) => present.includes(scope));
  if (scopes.length === 0) throw invalidRequest("The owner of the key has none of its scopes now.");
  return newKey(deps, old.name, scopes, clock.now() + Math.min(old.expiresAt - old.createdAt, lifeMaxSeconds));
}

function newKey({ settings }: ApiKeyDeps, name: string, scopes: readonly string[], expires: number): Prepared {
  const id = apiKeyIdPrefix + randomId();
  const key = generateApiKey(settings.apiKeyBrand);
  return {
    key: { id, name, scopes, hash: apiKeyHash(key), start: apiKeyStart(key), expiresAt: expires },
    view: { id, key, name, scopes, expires },
  };
}

export const overlapMaxSeconds = 7 * daySeconds;

export function toApiKeyView({ id, start, name, scopes, createdAt, expiresAt, usedDay }: ApiKeyRow): ApiKeyView {
  const used = usedDay === undefined ? null : new Date(usedDay * daySeconds * 1000).toISOString().slice(0, 10);
  return { id, start, name, scopes, created: createdAt, expires: expiresAt, last_used: used };
}

const unknownKey = () => new AmphoError("not_found", "There is no live API key with this id.");

export type ApiKeyAsker = Omit<ApiKeyChange, "key">;

type StoreDeps = ApiKeyDeps & Pick<Deps, "store">;

/** Rejects with `invalid_request`, or with `invalid_token` for an account that has changed. */
export async function addApiKey(
  deps: StoreDeps,
  owner: Account,
  options: ApiKeyOptions,
  asker: ApiKeyAsker,
): Promise<NewApiKey> {
  const { key, view } = prepareKey(deps, owner, options);
  requireApiKeyDone(await deps.store.createApiKey({ ...asker, key }));
  return view;
}

/** The old key ends after `overlap` seconds. Rejects like `addApiKey`, and with `not_found` for a key of another. */
export async function replaceApiKey(
  deps: StoreDeps,
  owner: Account,
  { id, overlap = 0 }: { readonly id: string; readonly overlap?: number | undefined },
  asker: ApiKeyAsker,
): Promise<NewApiKey> {
  const old = (await deps.store.listApiKeys(owner.id)).find((each) => each.id === id);
  if (old === undefined) throw unknownKey();
  const { key, view } = prepareSuccessor(deps, owner, old);
  requireApiKeyDone(await deps.store.rotateApiKey({ ...asker, key, from: id, overlapSeconds: overlap }));
  return view;
}

function requireApiKeyDone({ outcome }: ApiKeyOutcome): void {
  if (outcome === "full") throw invalidRequest("The account has as many API keys as it can have. End one first.");
  if (outcome === "none") throw unknownKey();
  if (outcome === "changed")
    throw new AmphoError("invalid_token", "The session has ended, or the account changed. Sign in again.");
}
