// `ampho/client`: a `fetch` that sends and renews the token, for browsers and Node (docs/client.md).
import { createFetch, type Fetch } from "./fetch.js";
import { noLock, storageLock, webLock } from "./lock.js";
import { openRecords, type StoredSession, sidOf, storedSessionOf } from "./record.js";
import { createRenewer, requestRenewal, sessionEnded, unlessOver } from "./renewal.js";
import { type ClientSession, identityOf } from "./session.js";
import { type ClientStorage, memoryStorage, pageStorage } from "./storage.js";
import { call } from "./wire.js";

export { AmphoError, type ErrorCode, type ErrorDetails } from "../errors.js";
export type { ClientSession, ClientStorage };

export interface ClientOptions {
  /** The application's URL. Relative URLs resolve against it, and only its origin gets the token. In a page it can be relative. */
  readonly baseUrl: string | URL;
  /** AMPHO_SECURITY_REST_PREFIX, `/api/security` by default. */
  readonly prefix?: string | undefined;
  /** The default is `localStorage` in a page, and memory elsewhere. */
  readonly storage?: ClientStorage | undefined;
}

export interface Client {
  /**
   * Creates a session, or re-authenticates the present one if it is the same user's. Rejects with the code of the response
   * (`invalid_credentials`, `too_many_attempts`, …), with `unavailable` without a response, and with `session_ended` if
   * `login` or `logout` was called again before the response.
   */
  login(login: string, password?: string): Promise<ClientSession>;
  /** Deletes the session here at once, then ends it on the server. Rejects with `unavailable` if the server is unreachable. */
  logout(): Promise<void>;
  /**
   * The platform's `fetch`, with the token for the origin of `baseUrl`. It resolves to every response, also 401 and 403.
   * Rejects with `session_ended`, with `unavailable` without a response, and with the signal's reason if it is aborted.
   */
  readonly fetch: Fetch;
  /** Returns the user who is logged in, read from the stored token without a request. */
  session(): Promise<ClientSession | undefined>;
  /** Reports logins, logouts and changed roles, here or in another tab. Returns a function that stops it. */
  onChange(listener: (session: ClientSession | undefined) => void): () => void;
}

/** Throws TypeError if `baseUrl` is not a URL. */
export function createClient({ baseUrl, prefix = "/api/security", storage }: ClientOptions): Client {
  const base = new URL(baseUrl, globalThis.location?.href);
  const root = new URL(prefix, base).href.replace(/\/+$/, "");
  const name = `ampho ${root}`;
  const shared = storage ?? pageStorage();
  const kept = shared ?? memoryStorage();

  const listeners = new Set<(session: ClientSession | undefined) => void>();
  /** Undefined before the first read, which is not a change. */
  let known: string | null | undefined;
  const records = openRecords(kept, name, (session) => {
    const identity = identityOf(session);
    if (known !== undefined && known !== identity)
      for (const listener of listeners) queueMicrotask(() => listeners.has(listener) && listener(session));
    known = identity;
  });
  const refresh = () => quietly(records.read());
  refresh();

  // Pages of one origin share Web Locks, but not necessarily a storage of the application.
  const locks = storage ? undefined : globalThis.navigator?.locks;
  const lock = locks ? webLock(locks, name) : storageLock(kept, `${name} lock`);
  const renewal = createRenewer(records, shared ? lock : noLock, root);
  if ("addEventListener" in globalThis) {
    addEventListener("storage", ({ key }) => (key ?? name) === name && refresh());
    addEventListener("online", renewal.resume);
    // A page that the back button restores got no events while it was frozen.
    addEventListener("pageshow", refresh);
  }

  /** Counts calls of login and logout. The last call decides, not the last response. */
  let turn = 0;

  async function end(held: StoredSession): Promise<void> {
    const logout = ({ token }: StoredSession) => call(root, "/logout", {}, token);
    await logout(held).catch((error) => {
      unlessOver(error);
      // If the access token has just expired, the session stays open until a renewed token ends it.
      return requestRenewal(root, held).then(logout).catch(unlessOver);
    });
  }

  return {
    async login(login, password) {
      const mine = ++turn;
      const deviceName = `${name} device ${login.toLowerCase()}`;
      const before = await records.read();
      const device = (await records.inTurn(() => kept.get(deviceName))) ?? undefined;
      const held = storedSessionOf(await call(root, "/login", { login, password, device }, before?.token));
      const proof = held.device;
      try {
        if (proof) await records.inTurn(() => kept.set(deviceName, proof));
        // Nothing is awaited before the record is replaced, so that later calls come after it.
        if (mine !== turn) throw sessionEnded();
        const former = await records.replace(held);
        if (former && sidOf(former) !== sidOf(held)) quietly(end(former));
        return held.session;
      } catch (error) {
        // A session that was created but not stored would stay open until it expires.
        if (sidOf(before) !== sidOf(held)) quietly(end(held));
        throw error;
      }
    },
    async logout() {
      turn++;
      const held = await records.replace(undefined);
      if (held) await end(held);
    },
    fetch: createFetch(records, renewal, base),
    session: async () => (await records.read())?.session,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** For work that no caller awaits, and that later calls repeat when it is needed. */
function quietly(work: Promise<unknown>): void {
  work.catch(() => {});
}
