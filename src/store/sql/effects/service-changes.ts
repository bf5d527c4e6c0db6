// Changes of service accounts, one row a change (docs/reference/changes.md). Every change of one, and every token for
// one, takes its lock. So no token is issued by what a change has ended.
import type { AuditEvent } from "../../../audit/events.js";
import { text } from "../../rows.js";
import { query, type Transaction, write } from "../../transaction.js";
import { recordAudit } from "../rows/audit.js";
import { type NewRevocation, type NewRevocations, untilOf } from "../rows/revocations.js";
import type { Ending } from "../rows/session-rows.js";
import { asFlag, asInteger, asText, asTexts, orUndefined, type RowOf, tableOf } from "../rows/table.js";
import { apiKeyRevocation } from "./api-key-ends.js";
import { changeSome } from "./connection-ends.js";

/** The credentials of a service account. It gets access tokens for one of the others. */
type ServiceCredential = "tokens" | "apiKey" | "jwks";

/** A row decides about every kind of credential of a service account. */
export interface ServiceConsequences extends Readonly<Record<ServiceCredential, "ends" | "kept">> {
  readonly by: "operator" | "holder";
  /** The connections of users to it. `lessen`: their tokens have fewer scopes from now on. */
  readonly connections: "end" | "lessen" | "kept";
  readonly event: AuditEvent;
}

const ofService = { by: "operator", tokens: "ends", apiKey: "kept", jwks: "kept", connections: "kept" } as const;
const ofClient = { ...ofService, tokens: "kept", event: "service_client_set" } as const;

/** The effects of each change of a service account. `holder`: who has the key or the token that ends. */
export const serviceConsequences = {
  added: { ...ofService, tokens: "kept", event: "service_added" },
  scopes_set: { ...ofService, event: "service_scopes_changed" },
  /** Its keys are rejected until it is enabled. */
  disabled: { ...ofService, connections: "end", event: "service_disabled" },
  enabled: { ...ofService, event: "service_enabled" },
  deleted: { ...ofService, apiKey: "ends", jwks: "ends", connections: "end", event: "service_deleted" },
  /** It gets more redirect URIs or scopes of users. */
  client_widened: ofClient,
  client_lessened: { ...ofClient, connections: "lessen" },
  /** It has lost a redirect URI, or authenticates in another way. */
  client_replaced: { ...ofClient, connections: "end" },
  /** Users can connect to it again. */
  connections_ended: { ...ofService, tokens: "kept", connections: "end", event: "service_connections_ended" },
  api_key_added: { ...ofService, tokens: "kept", event: "service_api_key_created" },
  api_key_removed: { ...ofService, event: "service_api_key_removed" },
  all_api_keys_removed: { ...ofService, apiKey: "ends", event: "service_api_key_removed" },
  /** The new public keys take the place of the old ones. */
  jwks_set: { ...ofService, event: "service_public_keys_set" },
  tokens_revoked: { ...ofService, by: "holder", event: "service_tokens_revoked" },
} as const satisfies Readonly<Record<string, ServiceConsequences>>;

export type ServiceChange = keyof typeof serviceConsequences;

export const services = tableOf("ampho_services", {
  id: asText,
  name: asText,
  scopes: asTexts,
  /** The JWK Set of its public keys, as JSON. */
  jwks: orUndefined(asText),
  disabled: asFlag,
  createdAt: asInteger,
  /** The latest `iat` and `exp` of its tokens. Those that were issued at `endedAt` or before have ended. */
  issuedAt: asInteger,
  tokensUntil: asInteger,
  endedAt: asInteger,
  /** The redirect URIs of a client to which users connect their accounts. */
  redirects: orUndefined(asTexts),
  /** The scopes of its users that it can get. */
  userScopes: orUndefined(asTexts),
  /** It has no key and no secret. */
  isPublic: asFlag,
  /** Its connections up to this number have ended, also those whose rows are not marked yet. */
  endedN: asInteger,
});
export type ServiceRow = RowOf<typeof services>;

/** Until the transaction ends, no other one changes the service or issues a token for it. */
export const lockService = (id: string): Transaction<ServiceRow | undefined> =>
  services.first("where id = ?", [id], "update");

export interface ServiceChangeDetail extends Ending {
  readonly detail?: Readonly<Record<string, string | number | readonly string[]>> | undefined;
}

/** Records the change and ends what it ends. The caller has locked the service, and writes the revocations. */
export function* carryOutService(
  change: ServiceChange,
  service: ServiceRow,
  { now, origin, detail }: ServiceChangeDetail,
): Transaction<NewRevocations> {
  const { id, name } = service;
  const { event, tokens, apiKey, jwks, connections } = serviceConsequences[change];
  const about = { at: now, event, userId: id, login: undefined, origin };
  yield* recordAudit({ ...about, detail: { service: name, ...detail } });
  const ended: NewRevocation[] = [];
  if (apiKey === "ends")
    for (const row of yield* query("delete from ampho_api_keys where user_id = ? returning id", [id]))
      ended.push(apiKeyRevocation(text(row, "id"), now));
  if (jwks === "ends") yield* write("update ampho_services set jwks = null where id = ?", [id]);
  if (connections === "end")
    yield* write(
      "update ampho_services set ended_n = (select coalesce(max(n), 0) from ampho_connections) where id = ?",
      [id],
    );
  // The caller ends or lessens the rest, in further transactions.
  if (connections !== "kept") ended.push(...(yield* changeSome(connections, { client: id, now, origin })).revoked);
  return tokens === "kept" ? ended : [...ended, yield* endTokens(service, now)];
}

function* endTokens({ id, issuedAt, tokensUntil, endedAt }: ServiceRow, now: number): Transaction<NewRevocation> {
  // Not before the last token, whose process can have a clock that is ahead.
  const at = Math.max(now, issuedAt, endedAt);
  yield* write("update ampho_services set ended_at = ? where id = ?", [at, id]);
  return { kind: "user", at, until: untilOf(at, tokensUntil), userId: id, login: id };
}

/** Returns what the revocation of all tokens at `now` leaves: the tokens of a process whose clock is ahead. */
export function* endEveryToken(now: number): Transaction<NewRevocations> {
  const all = yield* services.all("order by id", [], "update");
  // The next token is issued after that revocation, and not in its second.
  yield* write("update ampho_services set ended_at = ? where ended_at < ?", [now, now]);
  const ahead = all.filter(({ issuedAt, endedAt }) => issuedAt > Math.max(now, endedAt));
  const ended: NewRevocation[] = [];
  for (const service of ahead) ended.push(yield* endTokens(service, now));
  return ended;
}

/** Ends every key, and the tokens of the services that had one. */
export function* endEveryApiKey(input: Ending): Transaction<NewRevocations> {
  const owners = yield* query(
    "select id from ampho_services where exists (select 1 from ampho_api_keys where user_id = ampho_services.id) order by id",
  );
  const ended: NewRevocation[] = [];
  for (const row of owners) {
    const service = yield* lockService(text(row, "id"));
    if (service) ended.push(...(yield* carryOutService("all_api_keys_removed", service, input)));
  }
  yield* write("delete from ampho_api_keys", []);
  return ended;
}
