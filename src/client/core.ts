// The parts of a client, for `ampho/client` and `ampho/client/full`: the record, the renewal, the login.
import type { ClientSession } from "../wire/login.js";
import type { Fetch } from "./calls.js";
import { createClientCall } from "./calls.js";
import { createFetch, readText } from "./fetch.js";
import { type Lock, storageLock, webLock } from "./lock.js";
import { openRecords, type StoredSession, sidOf, storedSessionOf } from "./record.js";
import { createRenewer, sessionEnded, unlessOver } from "./renewal.js";
import { identityOf } from "./session.js";
import { type ClientStorage, createSerialQueue, memoryStorage, pageStorage, reliably } from "./storage.js";
import { parse, randomId } from "./texts.js";

/** The options of `createClient`. */
export interface ClientOptions {
  /** The application's URL, against which relative URLs resolve. Only its origin gets the token. Relative in a page. */
  readonly baseUrl: string | URL;
  /** AMPHO_SECURITY_REST_PREFIX, `/api/security` by default. */
  readonly prefix?: string | undefined;
  /** The default is `localStorage` in a page, and memory elsewhere. */
  readonly storage?: ClientStorage | undefined;
}

export const coreOptions = ["baseUrl", "prefix", "storage"];

/** The client: it stores the tokens, sends them, and renews them. */
export interface Client {
  /**
   * Creates a session, or re-authenticates the present one if it is the same user's. Rejects with the code of the
   * response (`invalid_credentials`, `too_many_attempts`, …), with `unavailable` without a response, and with
   * `session_ended` if `login` or `logout` was called again before the response.
   * @example
   * try {
   *   await client.login("alice", password);
   * } catch (error) {
   *   if (!(error instanceof AmphoError && error.code === "invalid_credentials")) throw error;
   *   show("The login name or the password is wrong.");
   * }
   */
  login(login: string, password?: string): Promise<ClientSession>;
  /**
   * Deletes the session here at once, then ends it on the server. Rejects with `unavailable` if the server is
   * unreachable.
   * @example await client.logout();
   */
  logout(): Promise<void>;
  /**
   * The platform's `fetch`, with the token for the origin of `baseUrl` and those of `origins`. It resolves to every
   * response, also 401 and 403. Rejects with `session_ended`, with `unavailable` without a response, and with the
   * signal's reason if it is aborted.
   * @example const articles = await (await client.fetch("/articles")).json();
   */
  readonly fetch: Fetch;
  /**
   * Resolves to a token for what does not use `fetch`, such as a WebSocket, and renews it first if it is due. Undefined
   * without a session. Send it only to services of your own, and do not store it. Rejects with `session_ended` or
   * `unavailable`.
   * @example const socket = new WebSocket("wss://app.example/live", ["ampho", `bearer.${await client.token()}`]);
   */
  token(): Promise<string | undefined>;
  /**
   * Resolves to the user who is signed in, read from the stored token without a request, or to undefined.
   * @example const session = await client.session();
   */
  session(): Promise<ClientSession | undefined>;
  /**
   * Reports logins, logouts and changed roles, here or in another tab. Returns a function that stops it.
   * @example const stop = client.onChange((session) => show(session === undefined ? "Signed out" : session.login));
   */
  onChange(listener: (session: ClientSession | undefined) => void): () => void;
}

/**
 * The name of the proof of a known device in the storage. `name` is that of the client. The server puts the proofs of
 * the last users into one, so that nothing that outlives a logout states a login.
 */
export const deviceNameOf = (name: string): string => `${name} device`;

export interface Core {
  readonly client: Client;
  /** The storage of the client. */
  readonly kept: ClientStorage;
  /**
   * Sends a request that creates or raises a session, under the lock of renewals, and stores the tokens of its
   * response. So a tab that renews meanwhile neither uses the superseded token nor overwrites the newer record.
   */
  enter(request: (device: string | undefined, token?: string) => Promise<unknown>): Promise<ClientSession>;
}

/**
 * `title` begins the names in the storage. `complete` adds the session where the responses have no tokens. Throws
 * TypeError if `baseUrl` is not a URL.
 */
export function createCore(
  { baseUrl, prefix = "/api/security", storage }: ClientOptions,
  openCall = createClientCall,
  title = "ampho",
  origins: readonly string[] = [],
  complete?: (grant: StoredSession) => Promise<StoredSession>,
): Core {
  // React and others also run the code of a page on the server. Calls reject there, because no scheme has this name.
  const base = new URL(baseUrl, globalThis.location?.href ?? "x:/");
  const root = new URL(prefix, base).href.replace(/\/+$/, "");
  const call = openCall(root);
  const name = `${title} ${root}`;
  const shared = storage ?? pageStorage();
  const kept = shared ?? memoryStorage();

  const listeners = new Set<(session: ClientSession | undefined) => void>();
  /** A number before the first read, which is not a change. */
  let known: string | number | undefined = 0;
  const records = openRecords(kept, name, (session) => {
    const identity = identityOf(session);
    if (known !== 0 && known !== identity)
      for (const listener of listeners) queueMicrotask(() => listeners.has(listener) && listener(session));
    known = identity;
  });
  const refresh = () => quietly(records.read());
  refresh();

  // Pages of one origin share Web Locks, but not necessarily a storage of the application.
  const locks = storage ? undefined : globalThis.navigator?.locks;
  const sharedLock = locks ? webLock(locks, name) : storageLock(kept, `${name} lock`);
  const lock: Lock = shared ? (work) => reliably(() => sharedLock(work)) : createSerialQueue();
  const requestRenewal = async ({ refresh_token, key }: StoredSession) =>
    storedSessionOf((await call("/renew", { refresh_token }, undefined, key)) as StoredSession);
  const renewal = createRenewer(records, lock, requestRenewal);
  const listen = globalThis.addEventListener;
  listen?.("storage", refresh);
  // A page that the back button restores got no events while it was frozen.
  listen?.("pageshow", refresh);
  listen?.("online", renewal.resume);

  /** Counts calls of login and logout. The last call decides, not the last response. */
  let turn = 0;

  async function end(held: StoredSession): Promise<void> {
    const logout = ({ token }: StoredSession) => call("/logout", {}, token, randomId());
    await logout(held).catch((error) => {
      unlessOver(error);
      // If the access token has just expired, the session stays open until a renewed token ends it.
      return requestRenewal(held).then(logout).catch(unlessOver);
    });
  }

  const enter: Core["enter"] = (request) => {
    const mine = ++turn;
    const requireLast = () => {
      if (mine !== turn) throw sessionEnded();
    };
    return lock(async () => {
      // Another call can have come first while this one waited for the lock.
      requireLast();
      const before = await records.read();
      const deviceName = deviceNameOf(name);
      const device = (await kept.get(deviceName)) ?? undefined;
      const held = await storedSessionOf((await request(device, before?.token)) as StoredSession);
      const isNew = sidOf(before) !== sidOf(held);
      try {
        if (held.device) await kept.set(deviceName, held.device);
        // Nothing is awaited before the record is replaced, so that later calls come after it.
        if (isNew) requireLast();
        // The former tokens of the same session are void, so the new ones are stored, unless a tab has signed out.
        const former = await records.replace(held, isNew ? undefined : before?.id);
        if (!isNew) requireLast();
        // Without a token here, a logout would end the present session, and the server has ended the former one.
        else if (former?.token) quietly(end(former));
        return held.session;
      } catch (error) {
        // A session that was created but not stored would stay open until it expires.
        if (isNew) quietly(end(held));
        throw error;
      }
    });
  };

  const client: Client = {
    login: (login, password) => enter((device, token) => call("/login", { login, password, device }, token)),
    async logout() {
      turn++;
      const held = await records.replace();
      if (held) await end(held);
    },
    ...createFetch(records, renewal, base, root, origins, (held, send) =>
      // Under the lock, so that no tab renews the former tokens meanwhile.
      lock(async () => {
        const now = await records.read();
        const own = sidOf(now) === sidOf(held) ? (now as StoredSession) : held;
        const response = await send(own);
        const grant = parse(await readText(response)) as StoredSession | undefined;
        if (grant?.ttl) await records.replace(await storedSessionOf((await complete?.(grant)) ?? grant), own.id);
        return response;
      }),
    ),
    session: async () => (await records.read())?.session,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  return { client, enter, kept };
}

/** For work that no caller awaits, and that later calls repeat when it is needed. */
function quietly(work: Promise<unknown>): void {
  work.catch(() => {});
}
