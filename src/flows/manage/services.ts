// Service accounts, for operators and for `ampho.services`. No route creates or changes one, so no token can.
import type { Origin } from "../../audit/entry.js";
import { randomId } from "../../crypto/random.js";
import { AmphoError } from "../../errors.js";
import { importPublishedKeys } from "../../keys/jwk-set.js";
import { isOwnScope, knownScopes } from "../../levels/scopes.js";
import { serviceIdPrefix } from "../../logins/service-id.js";
import type { ServiceRow } from "../../store/sql/service-changes.js";
import type { ServiceUpdate } from "../../store/sql/services.js";
import { acceptsKeys } from "../../tokens/api-key.js";
import type { ApiKeyView, NewApiKey } from "../../wire/keys.js";
import type { ServiceView } from "../../wire/services.js";
import type { Deps } from "../deps.js";
import { prepareServiceKey, toKeyView } from "../find/api-key.js";

type ServiceDeps = Pick<Deps, "store" | "revocations" | "clock" | "settings">;

/** The scope of a service that can ask `POST /introspect`. */
export const introspectScope = "ampho:introspect";

/** A service account to create. */
export interface NewService<S extends string = string> {
  /** 1 to 64 of `a-z 0-9 . -`, the first one a letter or a digit. */
  readonly name: string;
  /** Scopes of roles, and `ampho:introspect`. */
  readonly scopes: readonly (S | typeof introspectScope)[];
}

/** A service account with its keys. */
export interface ServiceDetail extends ServiceView {
  /** Its API keys, the oldest first. Each has all scopes of the service. */
  readonly keys: readonly ApiKeyView[];
}

function toView({ id, name, scopes, disabled, createdAt, jwks }: ServiceRow): ServiceView {
  const { keys = [] } = (jwks === undefined ? undefined : importPublishedKeys(JSON.parse(jwks))) ?? {};
  return { id, name, scopes, disabled, created: createdAt, kids: keys.map(({ kid }) => kid) };
}

const wrong = (field: string, message: string) => new AmphoError("invalid_request", message, { field });

function requireScopes({ settings }: ServiceDeps, scopes: readonly string[]): readonly string[] {
  const known = knownScopes(settings.scopes);
  for (const scope of scopes) {
    if (scope === introspectScope) continue;
    if (!isOwnScope(scope)) throw wrong("scopes", "A scope must have no spaces or quotes, and not begin with ampho:.");
    if (known?.includes(scope) === false) throw wrong("scopes", "No role has this scope.");
  }
  if (new Set(scopes).size < scopes.length) throw wrong("scopes", "The same scope must not occur twice.");
  if (scopes.join(" ").length > scopesMax)
    throw wrong("scopes", `The scopes must have at most ${scopesMax} characters.`);
  return scopes;
}

/** A token must hold them. */
const scopesMax = 4096;

/** Rejects with `invalid_request`, also where another service has the name. */
export async function addService(deps: ServiceDeps, service: NewService, origin: Origin): Promise<ServiceView> {
  const { store, clock } = deps;
  const { name } = service;
  if (!/^[a-z0-9][a-z0-9.-]{0,63}$/.test(name))
    throw wrong("name", "A name has 1 to 64 of a-z, 0-9, . and -, and begins with a letter or a digit.");
  const scopes = requireScopes(deps, service.scopes);
  const row = { id: serviceIdPrefix + randomId(), name, scopes, now: clock.now() };
  if (!(await store.addService({ ...row, origin }))) throw wrong("name", "Another service account has this name.");
  return { id: row.id, name, scopes, disabled: false, created: row.now, kids: [] };
}

export async function listServices({ store }: ServiceDeps): Promise<readonly ServiceView[]> {
  return (await store.listServices()).map(toView);
}

/** `ref`: its name or its id. */
export async function findService({ store }: ServiceDeps, ref: string): Promise<ServiceDetail | undefined> {
  const service = isReference(ref) ? await store.findService(ref) : undefined;
  if (service === undefined) return undefined;
  const keys = (await store.listKeys(service.id)).map(toKeyView);
  return { ...toView(service), keys: keys.map((key) => ({ ...key, scopes: service.scopes })) };
}

const isReference = (ref: string) => /^[\w.-]{1,64}$/.test(ref);

async function requireService({ store }: ServiceDeps, ref: string): Promise<ServiceRow> {
  const service = isReference(ref) ? await store.findService(ref) : undefined;
  if (service === undefined) throw unknownService();
  return service;
}

const unknownService = () => new AmphoError("not_found", "There is no service account with this name or id.");

/** Rejects with `not_found`. */
export async function changeService(
  deps: ServiceDeps,
  ref: string,
  change: ServiceUpdate["to"],
  origin: Origin,
): Promise<void> {
  const { store, revocations, clock } = deps;
  const to = change.change === "scopes_set" ? { ...change, scopes: requireScopes(deps, change.scopes) } : change;
  const { id } = await requireService(deps, ref);
  const { found, revocations: rows } = await store.changeService({ id, to, now: clock.now(), origin });
  revocations.add(rows);
  if (!found) throw unknownService();
}

/** `set`: a JWK Set of public keys, or undefined for none. Rejects with `invalid_request` and `not_found`. */
export async function setServiceKeys(
  deps: ServiceDeps,
  ref: string,
  set: unknown,
  origin: Origin,
): Promise<ServiceView> {
  const read = set === undefined ? { keys: [], warnings: [] } : importPublishedKeys(set);
  if (read === undefined || read.warnings.length > 0 || (set !== undefined && read.keys.length === 0))
    throw wrong("set", ["This is no JWK Set of public keys", ...(read?.warnings ?? [])].join("; "));
  const { keys } = read;
  const jwks = keys.length === 0 ? undefined : JSON.stringify({ keys: keys.map(({ publicJwk }) => publicJwk) });
  if ((jwks?.length ?? 0) > jwksMax) throw wrong("set", "The JWK Set is too large.");
  const kids = keys.map(({ kid }) => kid);
  await changeService(deps, ref, { change: "jwks_set", jwks, kids }, origin);
  return toView(await requireService(deps, ref));
}

const jwksMax = 65_536;
const keysMax = 100;

/** Rejects with `not_found`, also where no keys are accepted, and with `invalid_request`. */
export async function createServiceKey(
  deps: ServiceDeps,
  ref: string,
  options: { readonly name?: string | undefined; readonly expires?: number | undefined },
  origin: Origin,
): Promise<NewApiKey> {
  const { store, clock, settings } = deps;
  if (!acceptsKeys(settings))
    throw new AmphoError("not_found", "No keys are accepted here. Set AMPHO_SECURITY_TOKEN_ENDPOINT.");
  const service = await requireService(deps, ref);
  const { key, view } = prepareServiceKey(deps, service, options);
  const created = await store.createServiceKey({ serviceId: service.id, key, keysMax, now: clock.now(), origin });
  if (created === "none") throw unknownService();
  if (created === "full") throw new AmphoError("invalid_request", `A service account has at most ${keysMax} keys.`);
  return view;
}
