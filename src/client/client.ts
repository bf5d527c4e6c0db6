// `ampho/client`: a fetch that forgets that tokens expire, for browsers and Node (docs/client.md).
import { createFetch, type Fetch } from "./fetch.js";
import { noLock, storageLock, webLock } from "./lock.js";
import { openRecords, type StoredSession, sidOf, storedSessionOf } from "./record.js";
import { createRenewal, requestRenewal, sessionEnded, unlessOver } from "./renewal.js";
import { identityOf, type Session } from "./session.js";
import { type ClientStorage, memoryStorage, pageStorage } from "./storage.js";
import { call } from "./wire.js";

export { AmphoError, type ErrorCode, type ErrorDetails } from "../errors.js";
export type { ClientStorage, Session };

export interface ClientOptions {
  /** Of the application: relative URLs resolve against it, and only its origin gets the token. In a page it may be relative. */
  readonly baseUrl: string | URL;
  /** AMPHO_SECURITY_REST_PREFIX, `/api/security` by default. */
  readonly prefix?: string | undefined;
  /** `localStorage` in a page, else memory. */
  readonly storage?: ClientStorage | undefined;
}

export interface Client {
  /**
   * Opens a session, or re-authenticates the present one if it is the same user's.
   * Rejects with the code of the answer (`invalid_credentials`, `too_many_attempts`, …), `unavailable` without one,
   * and `session_ended` when a later `login` or `logout` came before the answer.
   */
  login(login: string, password?: string): Promise<Session>;
  /** Forgets the session at once, then ends it on the server; rejects with `unavailable` if that could not be told. */
  logout(): Promise<void>;
  /**
   * As the platform's, with the token for `baseUrl`'s origin. Any answer is given back, also 401 and 403.
   * Rejects with `session_ended`, with `unavailable` when there is no answer, and with the signal's reason when aborted.
   */
  readonly fetch: Fetch;
  /** Who is logged in, as far as is known here: from the stored token, without a request. */
  session(): Promise<Session | undefined>;
  /** Tells when somebody logs in or out, here or in another tab, or has other roles; returns the way to stop. */
  onChange(listener: (session: Session | undefined) => void): () => void;
}

/** Throws TypeError when `baseUrl` is no URL. */
export function createClient({ baseUrl, prefix = "/api/security", storage }: ClientOptions): Client {
  const base = new URL(baseUrl, globalThis.location?.href);
  const root = new URL(prefix, base).href.replace(/\/+$/, "");
  const name = `ampho ${root}`;
  const shared = storage ?? pageStorage();
  const kept = shared ?? memoryStorage();

  const listeners = new Set<(session: Session | undefined) => void>();
  /** Undefined until it was looked at: what is found first is no change. */
  let known: string | null | undefined;
  const records = openRecords(kept, name, (session) => {
    const identity = identityOf(session);
    if (known !== undefined && known !== identity)
      for (const listener of listeners) queueMicrotask(() => listeners.has(listener) && listener(session));
    known = identity;
  });
  const look = () => quietly(records.read());
  look();

  // Web Locks know pages only, not which of them share a storage of the application's own.
  const locks = storage ? undefined : globalThis.navigator?.locks;
  const lock = locks ? webLock(locks, name) : storageLock(kept, `${name} lock`);
  const renewal = createRenewal(records, shared ? lock : noLock, root);
  if (typeof addEventListener === "function") {
    addEventListener("storage", ({ key }) => (key ?? name) === name && look());
    addEventListener("online", renewal.resume);
    // A page that comes back by the back button was told of nothing while it was away.
    addEventListener("pageshow", look);
  }

  /** Counts calls of login and logout: the last one made decides, not the last one answered. */
  let turn = 0;

  async function end(held: StoredSession): Promise<void> {
    const logout = ({ token }: StoredSession) => call(root, "/logout", {}, token);
    await logout(held).catch((error) => {
      unlessOver(error);
      // The access token may just have expired: the session goes on until a new one ends it.
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
        // From here on nothing is awaited before the record is replaced: what comes later is behind it in turn.
        if (mine !== turn) throw sessionEnded();
        const former = await records.replace(held);
        if (former && sidOf(former) !== sidOf(held)) quietly(end(former));
        return held.session;
      } catch (error) {
        // What was opened and is not kept would stay open with nobody to end it.
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

/** What nobody waits for, and what is tried again by itself when it is needed. */
function quietly(work: Promise<unknown>): void {
  work.catch(() => {});
}
