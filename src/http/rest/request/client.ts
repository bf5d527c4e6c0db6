// How a service account authenticates at an endpoint of OAuth (RFC 6749 §2.3, RFC 7523 §2.2), in exactly one way.
import { hasCode, invalidRequest } from "../../../errors.js";
import { unknownClient } from "../../../flows/machines/assertion.js";
import type { SentClient } from "../../../flows/machines/tokens.js";
import { isServiceId } from "../../../logins/service-id.js";
import type { RawCall } from "../route.js";

export interface ClientMembers {
  readonly client_id?: string | undefined;
  readonly client_secret?: string | undefined;
  readonly client_assertion?: string | undefined;
  readonly client_assertion_type?: string | undefined;
}

type ClientCall = Pick<RawCall, "authorization" | "verify">;

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/** Rejects with `invalid_client`, and with `invalid_request` for two ways at once. */
export async function sentClient(call: ClientCall, members: ClientMembers): Promise<SentClient> {
  const { authorization } = call;
  const { client_id: id, client_secret: secret, client_assertion: assertion } = members;
  const type = members.client_assertion_type;
  if ([authorization, secret, assertion ?? type].filter((each) => each !== undefined).length > 1)
    throw invalidRequest("Authenticate in one way: by the header, a secret or an assertion.");
  if (assertion !== undefined && type === assertionType) return { serviceId: id, assertion };
  const basic = authorization === undefined ? undefined : readBasic(authorization);
  if (basic === undefined && authorization === undefined && id !== undefined && secret === undefined)
    return { serviceId: id };
  const sent = basic ?? (id !== undefined && secret !== undefined ? { id, key: secret } : undefined);
  if (sent === undefined || (id ?? sent.id) !== sent.id) throw unknownClient();
  await requireService(call, sent.key, sent.id);
  return { serviceId: sent.id, key: sent.key };
}

/** Resolves if the guard accepts the key, and it is a key of this service. */
async function requireService({ verify }: ClientCall, key: string, id: string): Promise<void> {
  const auth = await asClient(() => verify(key, { credentials: ["api_key"] }));
  if (auth?.id !== id || !isServiceId(id)) throw unknownClient();
}

/** The id and the secret are encoded as in a form before they are joined (RFC 6749 §2.3.1). */
function readBasic(authorization: string): { readonly id: string; readonly key: string } | undefined {
  const encoded = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(authorization)?.[1];
  const text = encoded === undefined ? "" : Buffer.from(encoded, "base64").toString("utf8");
  const [, id, key] = /^([^:]+):([^:]+)$/.exec(text) ?? [];
  return id === undefined || key === undefined ? undefined : { id: decode(id), key: decode(key) };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return "";
  }
}

/** For `POST /introspect`, which also takes a key or an access token of the service as bearer token. */
export async function requireServiceWith(call: ClientCall, scope: string, members: ClientMembers): Promise<void> {
  const { authorization = "", verify } = call;
  const bearer = /^bearer +(\S+)$/i.exec(authorization)?.[1];
  const requirements = { credentials: ["api_key", "service"], scopes: [scope] } as const;
  if (bearer !== undefined) {
    const { client_id: named, client_secret: secret, client_assertion, client_assertion_type } = members;
    if ((secret ?? client_assertion ?? client_assertion_type) !== undefined)
      throw invalidRequest("Authenticate in one way: by the header or a secret.");
    const auth = await asClient(() => verify(bearer, requirements));
    // Other software that signs with the key of Ampho can give its own clients any scope.
    const id = auth?.id;
    const isItself = (auth?.claims["client_id"] ?? id) === id && (named ?? id) === id;
    if (!isServiceId(id) || !isItself) throw unknownClient();
    return;
  }
  const client = await sentClient(call, members);
  // An assertion works at the token endpoint alone.
  if (!("key" in client)) throw unknownClient();
  await asClient(() => verify(client.key, requirements));
}

async function asClient<T>(check: () => Promise<T>): Promise<T> {
  try {
    return await check();
  } catch (error) {
    if (hasCode(error, "missing_token", "invalid_token", "credential_not_accepted")) throw unknownClient();
    throw error;
  }
}
