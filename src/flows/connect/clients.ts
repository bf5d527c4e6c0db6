// The clients to which users can connect their accounts, and how they authenticate at the token endpoint.
import { randomId } from "../../crypto/random.js";
import { AmphoError } from "../../errors.js";
import { isServiceId } from "../../logins/service-id.js";
import type { ServiceRow } from "../../store/sql/effects/service-changes.js";
import type { Caller, Deps } from "../deps.js";
import { documentHost } from "../find/connection-views.js";
import { unknownClient, verifyServiceAssertion } from "../machines/assertion.js";
import type { SentClient } from "../machines/tokens.js";
import { type ClientDocument, takesDocument } from "./documents.js";
import { type DynamicClient, readDynamicClient } from "./dynamic-clients.js";

/** A client, however it is known. */
export interface ConnectClient {
  readonly id: string;
  /** For people: of one that no operator has registered, its host. */
  readonly name: string;
  /** It calls itself so. Undefined for a registered one. */
  readonly statedName: string | undefined;
  /** That of its document. Null for any other. */
  readonly host: string | null;
  readonly isRegistered: boolean;
  /** Undefined: its document was not read. */
  readonly redirects: readonly string[] | undefined;
  /** The scopes of users that it can get. */
  readonly userScopes: readonly string[];
  readonly isPublic: boolean;
}

type ClientDeps = Pick<Deps, "store" | "settings" | "documents" | "clock" | "tokens">;

/** The user for whom a document is read. */
export interface ReadingUser {
  readonly userId: string;
  readonly login: string;
  readonly sessionId: string;
  readonly origin: Caller;
}

/**
 * Undefined for a client that is unknown or disabled, or to which no user can connect. The document of one is read for
 * a user alone, and rejects as `documents.find` does.
 */
export async function findClient(
  deps: ClientDeps,
  id: string,
  reader: ReadingUser | undefined,
): Promise<ConnectClient | undefined> {
  const { store, settings } = deps;
  if (takesDocument(settings, id)) {
    const document = reader === undefined ? undefined : await readDocumentOf(deps, id, reader);
    const host = documentHost(id) ?? id;
    return {
      id,
      name: host,
      host,
      statedName: document?.name,
      isRegistered: false,
      redirects: document?.redirects,
      userScopes: Object.keys(settings.scopeTexts),
      isPublic: true,
    };
  }
  if (!isServiceId(id)) return toUnknownClient(id, readDynamicClient(deps, id), settings);
  if (!settings.connect.includes("registered")) return undefined;
  const service = await store.findService(id);
  return service?.id === id && !service.disabled ? toClient(service) : undefined;
}

/** Each rejection is one fetch of the user, of which there are few in an hour. */
async function readDocumentOf(deps: ClientDeps, id: string, reader: ReadingUser): Promise<ClientDocument> {
  const { userId, origin } = reader;
  try {
    return await deps.documents.find(id, { userId, address: origin.address });
  } catch (error) {
    if (!(error instanceof AmphoError) || error.code !== "not_found") throw error;
    const entry = { ...reader, event: "client_rejected", reason: error.message, detail: { client: id } } as const;
    await deps.store.recordAudit({ at: deps.clock.now(), ...entry });
    throw error;
  }
}

function toUnknownClient(
  id: string,
  client: DynamicClient | undefined,
  { scopeTexts }: Deps["settings"],
): ConnectClient | undefined {
  if (client === undefined) return undefined;
  const { name: statedName, redirects } = client;
  const shown = { name: "unknown application", statedName, host: null, isRegistered: false } as const;
  return { id, ...shown, redirects, userScopes: Object.keys(scopeTexts), isPublic: true };
}

function toClient({ id, name, redirects, userScopes = [], isPublic }: ServiceRow): ConnectClient | undefined {
  if (redirects === undefined) return undefined;
  return { id, name, statedName: undefined, host: null, isRegistered: true, redirects, userScopes, isPublic };
}

/** Rejects with `invalid_client`, `unauthorized_client` or `too_many_attempts`. */
export async function proveClient(deps: Deps, sent: SentClient, caller: Caller): Promise<ConnectClient> {
  if ("assertion" in sent) return requireClient(deps, await proveAssertion(deps, sent, caller));
  const client = await requireClient(deps, sent.serviceId);
  // A client with a key proves it each time (RFC 6749 §3.2.1).
  if (!("key" in sent) && !client.isPublic) throw unknownClient();
  return client;
}

/** Uses the assertion up before anything else of the request is looked at. Returns the `client_id`. */
export const proveAssertion = (
  deps: Deps,
  sent: Extract<SentClient, { readonly assertion: string }>,
  caller: Caller,
): Promise<string> =>
  deps.guesses.limit(caller.address, randomId(), "invalid_client", async () => {
    const { serviceId, proof } = await verifyServiceAssertion(deps, sent.assertion);
    const { store, clock } = deps;
    const isFirst = "spending" in proof && (await store.useAssertion({ spending: proof.spending, now: clock.now() }));
    if (!isFirst || (sent.serviceId ?? serviceId) !== serviceId) throw unknownClient();
    return serviceId;
  });

async function requireClient(deps: Deps, id: string): Promise<ConnectClient> {
  const client = await findClient(deps, id, undefined);
  if (client !== undefined) return client;
  const service = isServiceId(id) ? await deps.store.findService(id) : undefined;
  if (service === undefined || service.id !== id || service.disabled) throw unknownClient();
  throw new AmphoError("unauthorized_client", "Users cannot connect to this client.");
}
