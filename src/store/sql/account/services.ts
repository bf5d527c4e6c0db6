// Service accounts: their rows, their keys, and the access tokens that they get.
import { exists, type Transaction, write } from "../../transaction.js";
import { lockApiKeys } from "../effects/api-key-ends.js";
import { carryOutService, lockService, type ServiceRow, services } from "../effects/service-changes.js";
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
export function* addService(input: Ending & Pick<ServiceRow, "id" | "name" | "scopes">): Transaction<boolean> {
  const { id, name, scopes, now, origin } = input;
  const fresh = { jwks: undefined, disabled: false, createdAt: now, issuedAt: 0, tokensUntil: 0, endedAt: 0 };
  const service = { id, name, scopes, ...fresh };
  const isAdded = yield* exists(`${services.insert} on conflict do nothing returning id`, services.values(service));
  if (isAdded) yield* carryOutService("added", service, { now, origin, detail: { scopes } });
  return isAdded;
}

export interface ServiceUpdate extends Ending {
  readonly id: string;
  readonly to:
    | { readonly change: "scopes_set"; readonly scopes: readonly string[] }
    | { readonly change: "jwks_set"; readonly jwks: string | undefined; readonly kids: readonly string[] }
    | { readonly change: "disabled" | "enabled" | "deleted" | "tokens_revoked" };
}

/** Changes a service, and ends its tokens. False: no such service. */
export function* changeService({ id, to, now, origin }: ServiceUpdate): Transaction<boolean> {
  const service = yield* lockService(id);
  if (!service) return false;
  const detail =
    to.change === "scopes_set" ? { scopes: to.scopes } : to.change === "jwks_set" ? { kids: to.kids } : undefined;
  const revoked = yield* carryOutService(to.change, service, { now, origin, detail });
  if (to.change === "scopes_set")
    yield* write("update ampho_services set scopes = ? where id = ?", [JSON.stringify(to.scopes), id]);
  else if (to.change === "jwks_set")
    yield* write("update ampho_services set jwks = ? where id = ?", [to.jwks ?? null, id]);
  else if (to.change === "deleted") yield* write("delete from ampho_services where id = ?", [id]);
  else if (to.change !== "tokens_revoked")
    yield* write("update ampho_services set disabled = ? where id = ?", [to.change === "disabled" ? 1 : 0, id]);
  yield* writeRevocations(revoked);
  return true;
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
