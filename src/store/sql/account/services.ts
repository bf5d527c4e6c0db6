// Service accounts: their rows, their keys, and the access tokens that they get.
import type { SqlValue } from "../../rows.js";
import { exists, type Transaction, write } from "../../transaction.js";
import { lockApiKeys } from "../effects/api-key-ends.js";
import {
  carryOutService,
  lockService,
  type ServiceConsequences,
  type ServiceRow,
  serviceConsequences,
  services,
} from "../effects/service-changes.js";
import { recordAudit } from "../rows/audit.js";
import { writeRevocations } from "../rows/revocations.js";
import type { Ending } from "../rows/session-rows.js";
import { type Spending, spend } from "../rows/spent.js";
import { countApiKeys, insertApiKey, type NewApiKeyRow } from "./api-keys.js";

/** A service has its id or its name. No name has the form of an id. */
export const findService = (idOrName: string): Transaction<ServiceRow | undefined> =>
  services.firstLast("where id = ? or name = ?", [idOrName, idOrName]);

/** In the order of their names. */
export const listServices = (): Transaction<readonly ServiceRow[]> => services.allLast("order by name", []);

/** False: another service has the name. */
export function* addService(
  input: Ending & Pick<ServiceRow, "id" | "name" | "scopes"> & ServiceClient,
): Transaction<boolean> {
  const { id, name, scopes, redirects, userScopes, isPublic, now, origin } = input;
  const fresh = {
    jwks: undefined,
    disabled: false,
    createdAt: now,
    issuedAt: 0,
    tokensUntil: 0,
    endedAt: 0,
    endedN: 0,
  };
  const service = { id, name, scopes, redirects, userScopes, isPublic, ...fresh };
  const isAdded = yield* exists(`${services.insert} on conflict do nothing returning id`, services.values(service));
  if (isAdded) yield* carryOutService("added", service, { now, origin, detail: { scopes } });
  return isAdded;
}

/** With redirects, users can connect their accounts to the service. */
export type ServiceClient = Pick<ServiceRow, "redirects" | "userScopes" | "isPublic">;

export interface ServiceUpdate extends Ending {
  readonly id: string;
  readonly to:
    | { readonly change: "scopes_set"; readonly scopes: readonly string[] }
    | { readonly change: "jwks_set"; readonly jwks: string | undefined; readonly kids: readonly string[] }
    | { readonly change: "client_set"; readonly client: ServiceClient }
    | { readonly change: "disabled" | "enabled" | "deleted" | "tokens_revoked" | "connections_ended" };
}

/** Changes a service, and ends its tokens. The caller changes the rest of its connections. Undefined: there is none. */
export function* changeService({
  id,
  to,
  now,
  origin,
}: ServiceUpdate): Transaction<Pick<ServiceConsequences, "connections"> | undefined> {
  const service = yield* lockService(id);
  if (!service) return undefined;
  const change = to.change === "client_set" ? clientChange(service, to.client) : to.change;
  const revoked = yield* carryOutService(change, service, { now, origin, detail: detailOf(to) });
  const written = writtenBy(to);
  if (written !== null) yield* write(`${written[0]} where id = ?`, [...written[1], id]);
  yield* writeRevocations(revoked);
  return { connections: serviceConsequences[change].connections };
}

/** The statement for the row of the service, or null. A change without a case does not compile. */
function writtenBy(to: ServiceUpdate["to"]): readonly [sql: string, values: readonly SqlValue[]] | null {
  switch (to.change) {
    case "scopes_set":
      return ["update ampho_services set scopes = ?", [JSON.stringify(to.scopes)]];
    case "jwks_set":
      return ["update ampho_services set jwks = ?", [to.jwks ?? null]];
    case "client_set": {
      const { redirects, userScopes, isPublic } = to.client;
      const texts = [redirects, userScopes].map((list) => (list === undefined ? null : JSON.stringify(list)));
      return ["update ampho_services set redirects = ?, user_scopes = ?, is_public = ?", [...texts, isPublic ? 1 : 0]];
    }
    case "disabled":
      return ["update ampho_services set disabled = 1", []];
    case "enabled":
      return ["update ampho_services set disabled = 0", []];
    case "deleted":
      return ["delete from ampho_services", []];
    case "tokens_revoked":
    case "connections_ended":
      return null;
  }
}

function detailOf(to: ServiceUpdate["to"]): Readonly<Record<string, readonly string[]>> | undefined {
  if (to.change === "scopes_set") return { scopes: to.scopes };
  if (to.change === "jwks_set") return { kids: to.kids };
  return to.change === "client_set"
    ? { redirects: to.client.redirects ?? [], scopes: to.client.userScopes ?? [] }
    : undefined;
}

const holdsAll = (list: readonly string[] = [], of: readonly string[] = []) => of.every((one) => list.includes(one));

function clientChange(before: ServiceClient, after: ServiceClient) {
  const isOther = before.redirects !== undefined && before.isPublic !== after.isPublic;
  if (isOther || !holdsAll(after.redirects, before.redirects)) return "client_replaced";
  return holdsAll(after.userScopes, before.userScopes) ? "client_widened" : "client_lessened";
}

export interface ServiceKeyCreation extends Ending {
  readonly serviceId: string;
  readonly key: NewApiKeyRow;
  /** The keys that a service can have. */
  readonly apiKeysMax: number;
}

export function* createServiceApiKey(input: ServiceKeyCreation): Transaction<"done" | "none" | "full"> {
  const { serviceId, key, apiKeysMax, now, origin } = input;
  yield* lockApiKeys({ isShared: true });
  const service = yield* lockService(serviceId);
  if (!service) return "none";
  if ((yield* countApiKeys(serviceId, now)) >= apiKeysMax) return "full";
  yield* insertApiKey({ userId: serviceId, login: service.name, key, now }, null);
  yield* carryOutService("api_key_added", service, { now, origin, detail: { api_key: key.id } });
  return "done";
}

export interface TokenIssue extends Ending {
  readonly serviceId: string;
  /** A key that the service has, by its hash, or the public keys that have verified an assertion. */
  readonly proof: { readonly keyHash: string } | { readonly jwks: string; readonly spending: Spending };
  /** Undefined: all scopes of the service. */
  readonly scopes: readonly string[] | undefined;
  readonly ttlSeconds: number;
  /** The latest `iat` that guards accept now. */
  readonly latest: number;
}

export type IssueOutcome =
  | { readonly outcome: "issued"; readonly scopes: readonly string[]; readonly issuedAt: number }
  /** Earlier tokens ended at a time after which no token can be issued yet. Nothing was written. */
  | { readonly outcome: "early"; readonly issuedAt: number }
  /** `unknown`: the service or its proof is not good now. `scope`: it has not all of these scopes. */
  | { readonly outcome: "unknown" | "scope" };

/** The `iat` of a token is after everything that has ended tokens of the service. */
export function* issueServiceToken(input: TokenIssue): Transaction<IssueOutcome> {
  const { serviceId, proof, ttlSeconds, now, latest, origin } = input;
  const service = yield* lockService(serviceId);
  if (!service || service.disabled) return { outcome: "unknown" };
  const issuedAt = Math.max(now, service.endedAt + 1);
  if (issuedAt > latest) return { outcome: "early", issuedAt };
  const selectKey = "select id from ampho_api_keys where hash = ? and user_id = ? and expires_at > ?";
  const holds =
    "keyHash" in proof
      ? yield* exists(selectKey, [proof.keyHash, serviceId, now])
      : service.jwks === proof.jwks && (yield* spend(proof.spending, now));
  if (!holds) return { outcome: "unknown" };
  const scopes = input.scopes ?? service.scopes;
  if (scopes.length === 0 || !scopes.every((scope) => service.scopes.includes(scope))) return { outcome: "scope" };
  const last = [Math.max(issuedAt, service.issuedAt), Math.max(issuedAt + ttlSeconds, service.tokensUntil)];
  yield* write("update ampho_services set issued_at = ?, tokens_until = ? where id = ?", [...last, serviceId]);
  const detail = { service: service.name, scopes };
  yield* recordAudit({ at: now, event: "service_token_issued", userId: serviceId, login: undefined, origin, detail });
  return { outcome: "issued", scopes, issuedAt };
}
