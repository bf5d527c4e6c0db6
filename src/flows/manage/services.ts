// Service accounts, for operators and for `ampho.services`. No route creates or changes one, so no token can.
import { randomId } from "../../crypto/random.js";
import { AmphoError, invalidRequest } from "../../errors.js";
import { exchangeScope, isOwnScope, knownScopes } from "../../levels/scopes.js";
import { serviceIdPrefix } from "../../logins/service-id.js";
import { importPublishedKeys } from "../../signing-keys/jwk-set.js";
import type { ServiceClient, ServiceUpdate } from "../../store/sql/account/services.js";
import type { ServiceRow } from "../../store/sql/effects/service-changes.js";
import type { ServiceView } from "../../wire/services.js";
import { isRedirectUri, redirectForm } from "../connect/redirect-uri.js";
import { prepareServiceApiKey, toApiKeyView } from "../find/api-key.js";
import * as check from "./checks.js";
import type { Management, NewClient } from "./management.js";
import type { Manager } from "./manager.js";

/** The scope of a service that can ask `POST /introspect`. */
export const introspectScope = "ampho:introspect";

function toView(service: ServiceRow): ServiceView {
  const { id, name, scopes, disabled, createdAt, jwks, redirects = [], userScopes = [], isPublic } = service;
  const { keys = [] } = (jwks === undefined ? undefined : importPublishedKeys(JSON.parse(jwks))) ?? {};
  const client = { redirects, user_scopes: userScopes, public: isPublic };
  return { id, name, scopes, disabled, created: createdAt, kids: keys.map(({ kid }) => kid), ...client };
}

function requireScopes({ settings }: Manager, scopes: readonly string[]): readonly string[] {
  const known = knownScopes(settings.scopes);
  for (const scope of scopes) {
    if (scope === introspectScope || scope === exchangeScope) continue;
    if (!isOwnScope(scope))
      throw invalidRequest(
        "A scope must have no spaces or quotes, not begin with ampho:, and have no slash if it begins with o_.",
        "scopes",
      );
    if (known?.includes(scope) === false)
      throw invalidRequest(`No role of AMPHO_SECURITY_SCOPES has the scope ${scope}.`, "scopes");
  }
  if (new Set(scopes).size < scopes.length) throw invalidRequest("The same scope must not occur twice.", "scopes");
  if (scopes.join(" ").length > scopesMax)
    throw invalidRequest(`The scopes must have at most ${scopesMax} characters.`, "scopes");
  return scopes;
}

const redirectsMax = 20;

/** The columns of a client of users. Throws `invalid_request`. */
function requireClient(m: Manager, given: NewClient | undefined): ServiceClient {
  if (given === undefined) return { redirects: undefined, userScopes: undefined, isPublic: false };
  const { redirects, userScopes, public: isPublic = false } = given;
  const wrong = redirects.find((one) => !isRedirectUri(one));
  if (wrong !== undefined) throw invalidRequest(`A redirect URI must be ${redirectForm}.`, "redirects");
  if (redirects.length === 0 || redirects.length > redirectsMax || new Set(redirects).size < redirects.length)
    throw invalidRequest(`A client has 1 to ${redirectsMax} different redirect URIs.`, "redirects");
  if (userScopes.length === 0) throw invalidRequest("A client needs at least one scope of its users.", "userScopes");
  return { redirects: [...redirects], userScopes: [...requireScopes(m, userScopes)], isPublic };
}

/** A token must hold them. */
const scopesMax = 4096;

const jwksMax = 65_536;
const apiKeysMax = 100;

const unknownService = () => new AmphoError("not_found", "There is no service account with this name or id.");

const named = { service: check.string };

const find = async ({ store }: Pick<Manager, "store">, ref: string) =>
  /^[\w.-]{1,64}$/.test(ref) ? store.findService(ref) : undefined;

/** By its name or its id. Rejects with `not_found`. */
export async function requireService(m: Pick<Manager, "store">, ref: string): Promise<ServiceRow> {
  const service = await find(m, ref);
  if (service === undefined) throw unknownService();
  return service;
}

/** Rejects with `not_found`. */
export async function changeService(m: Manager, ref: string, to: ServiceUpdate["to"]): Promise<void> {
  const { store, clock, origin } = m;
  const { id } = await requireService(m, ref);
  const changed = await store.changeService({ id, to, now: clock.now(), origin });
  if (changed === undefined) throw unknownService();
  // A client can have more connections than one transaction should change.
  // The end goes on where an earlier change was cut off.
  for (const how of changed.connections === "lessen" ? (["end", "lessen"] as const) : (["end"] as const))
    for (let after: number | undefined = 0; after !== undefined; )
      after = await store.changeClientConnections({ client: id, how, after, now: clock.now(), origin });
}

export function manageServices(m: Manager): Management["services"] {
  const { store, clock, settings, origin } = m;
  const require = (ref: string) => requireService(m, ref);
  const change = (ref: string, to: ServiceUpdate["to"]) => changeService(m, ref, to);
  const changed = (to: ServiceUpdate["to"]) => check.checked(named, (ref: string) => change(ref, to));

  return {
    add: check.checked({ service: check.newService }, async ({ name, scopes: given, client }) => {
      if (!/^[a-z0-9][a-z0-9.-]{0,63}$/.test(name))
        throw invalidRequest("A name has 1 to 64 of a-z, 0-9, . and -, and begins with a letter or a digit.", "name");
      const scopes = requireScopes(m, given);
      const row = { id: serviceIdPrefix + randomId(), name, scopes, now: clock.now(), ...requireClient(m, client) };
      if (!(await store.addService({ ...row, origin })))
        throw invalidRequest("Another service account has this name.", "name");
      return toView(await require(row.id));
    }),
    list: async () => (await store.listServices()).map(toView),
    find: check.checked(named, async (ref) => {
      const service = await find(m, ref);
      if (service === undefined) return undefined;
      const keys = (await store.listApiKeys(service.id)).map(toApiKeyView);
      return { ...toView(service), api_keys: keys.map((key) => ({ ...key, scopes: service.scopes })) };
    }),
    setScopes: check.checked({ ...named, scopes: check.stringArray }, (ref, scopes) =>
      change(ref, { change: "scopes_set", scopes: requireScopes(m, scopes) }),
    ),
    setClient: check.checked({ ...named, client: check.optionally(check.newClient) }, (ref, client) =>
      change(ref, { change: "client_set", client: requireClient(m, client) }),
    ),
    disable: changed({ change: "disabled" }),
    enable: changed({ change: "enabled" }),
    remove: changed({ change: "deleted" }),
    createApiKey: check.checked({ ...named, key: check.newServiceApiKey }, async (ref, options = {}) => {
      if (!settings.tokenEndpoint)
        throw new AmphoError("not_found", "No keys are accepted here. Set AMPHO_SECURITY_TOKEN_ENDPOINT.");
      const service = await require(ref);
      const { key, view } = prepareServiceApiKey(m, service, options);
      const created = await store.createServiceApiKey({
        serviceId: service.id,
        key,
        apiKeysMax,
        now: clock.now(),
        origin,
      });
      if (created === "none") throw unknownService();
      if (created === "full") throw invalidRequest(`A service account has at most ${apiKeysMax} keys.`);
      return view;
    }),
    setPublicKeys: check.checked({ ...named, set: check.optionally(check.object) }, async (ref, set) => {
      const read = set === undefined ? { keys: [], warnings: [] } : importPublishedKeys(set);
      if (read === undefined || read.warnings.length > 0 || (set !== undefined && read.keys.length === 0))
        throw invalidRequest(["This is no JWK Set of public keys", ...(read?.warnings ?? [])].join("; "), "set");
      const { keys } = read;
      const jwks = keys.length === 0 ? undefined : JSON.stringify({ keys: keys.map(({ publicJwk }) => publicJwk) });
      if ((jwks?.length ?? 0) > jwksMax) throw invalidRequest("The JWK Set is too large.", "set");
      await change(ref, { change: "jwks_set", jwks, kids: keys.map(({ kid }) => kid) });
      return toView(await require(ref));
    }),
  };
}
