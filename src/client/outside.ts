// `ampho/client/outside`: logins at outside providers, and their identities (docs/guides/providers.md), by a client of
// `ampho/client/full` or `ampho/client/mail`.
import { AmphoError, type ErrorCode } from "../errors.js";
import type { OutsideBegun } from "../wire/begun.js";
import type { ClientSession } from "../wire/login.js";
import { createIdempotencyKeys } from "./calls.js";
import { createCookieGet } from "./cookie-mode.js";
import type { EnteredSession, TypedFactor } from "./factor-needed.js";
import { type FullClient, internalsOf } from "./full-client.js";
import { factorMembers, pendingOf } from "./login-steps.js";
import { type ClientStorage, memoryStorage, pageStorage, reliably } from "./storage.js";
import { parse, randomId } from "./texts.js";

/** The options of `createOutside`. */
export interface OutsideOptions {
  /** The storage for what a login at a provider needs. Default: that of the page. */
  readonly storage?: ClientStorage | undefined;
}

/** Where the user returns to. */
export interface ReturnOptions {
  /** A path of the application, to which the user returns. */
  readonly returnTo?: string | undefined;
}

/** How a login begins. */
export interface LoginOptions extends ReturnOptions {
  /** The greatest age of the login at the provider, in seconds. After `login_too_old` it is that of the error. */
  readonly maxAge?: number | undefined;
}

/** A finished login or link. */
export interface Returned extends ReturnOptions {
  /** Undefined after an identity was linked. */
  readonly session: EnteredSession | undefined;
}

/** A proof of the account: the code that was mailed, or the login and the password. */
export type LinkProof =
  | {
      /** The eight digits that were mailed. */
      readonly code: string;
    }
  | ({
      /** The login name of the account. */
      readonly login: string;
      /** The password of the account. */
      readonly password: string;
    } & TypedFactor);

/**
 * The identity belongs to no account yet. The user proves the account or the address.
 * @example
 * try {
 *   await outside.returned();
 * } catch (error) {
 *   if (!(error instanceof LinkNeeded)) throw error;
 *   if (error.ways.includes("login")) await error.finish({ login: "alice", password });
 * }
 */
export class LinkNeeded extends AmphoError {
  /** The proofs that are accepted: `login`, `mail`. */
  declare readonly ways: readonly string[];
  /**
   * Signs in and links the identity, and stores the session like `login`. Rejects with `FactorNeeded` if the account
   * has a second factor. After `invalid_credentials` call it again.
   * @example await linkNeeded.finish({ code: "12345678" });
   */
  declare readonly finish: (proof: LinkProof) => Promise<EnteredSession>;

  constructor(
    error: AmphoError,
    finish: (transaction: string | undefined, proof: LinkProof) => Promise<EnteredSession>,
  ) {
    super(error.code, error.message, error.details);
    const { transaction, ways = [] } = error.details;
    Object.assign(this, { ways, finish: (proof: LinkProof) => finish(transaction, proof) });
  }
}

/** Logins and links with outside providers. */
export interface Outside {
  /**
   * Sends the page to the provider. Resolves to the URL, for a program without a page.
   * @example await outside.loginWith("google", { returnTo: "/articles" });
   */
  loginWith(provider: string, options?: LoginOptions): Promise<string>;
  /**
   * Finishes the login or link whose response is in the URL of the page, and removes it from there. With tokens in
   * cookies, the server has finished it, also one that a form of the page began after `createOutside`, and this reads
   * the new session or the error. Resolves to undefined if no login
   * has finished. Rejects with `FactorNeeded` or `LinkNeeded`, and with `outside_cancelled` if the user has cancelled.
   * @example
   * const returned = await outside.returned();
   * if (returned !== undefined) location.assign(returned.returnTo ?? "/");
   */
  returned(): Promise<Returned | undefined>;
  /** The identities of the user who is signed in. */
  readonly identities: {
    /**
     * Like `loginWith`, but links the identity to the user who is signed in. Rejects with `login_too_old`.
     * @example await outside.identities.link("github", { returnTo: "/account" });
     */
    link(provider: string, options?: ReturnOptions): Promise<string>;
    /**
     * The id is that of the account's `identities`. Rejects with `last_way_in`.
     * @example await outside.identities.unlink(id);
     */
    unlink(id: string): Promise<void>;
  };
}

/** A login or link that was begun, by its `state`. */
interface Kept extends Pick<OutsideBegun, "expires">, ReturnOptions {
  /** Undefined where it is in a cookie. */
  readonly transaction: string | undefined;
  readonly links: boolean;
  /** By the clock of this device, in milliseconds. */
  readonly untilMs: number;
  /** With tokens in cookies: the Idempotency-Key of the renewal that reads the new session. */
  key?: string;
}

/** The callback can send only the code. */
const messages: Partial<Record<ErrorCode, string>> = {
  factor_needed: "The login needs a second factor.",
  link_needed: "This identity belongs to no account yet. Prove the account or the address.",
  outside_cancelled: "The login at the provider was cancelled.",
};

/** The lifetime of what was begun (docs/reference/contract.md §4). */
const transactionSeconds = 600;

/**
 * Adds logins at outside providers to a client. Throws TypeError for a client that is not of `ampho/client/full` or
 * `ampho/client/mail`.
 * @example
 * const client = createClient({ baseUrl: "https://app.example" });
 * const outside = createOutside(client);
 */
export function createOutside(client: FullClient, { storage: own }: OutsideOptions = {}): Outside {
  const parts = internalsOf.get(client);
  if (!parts) throw new TypeError("createOutside needs a client of ampho/client/full or ampho/client/mail");
  const { client: full, root, steps, call, send } = parts;
  const storage = own ?? pageStorage() ?? memoryStorage();
  const key = `ampho ${root} outside`;
  const get = createCookieGet(root);
  const save = (all: Iterable<readonly [string, Kept]>) =>
    reliably(() => storage.set(key, JSON.stringify(Object.fromEntries(all))));
  /** In a map, because the state comes from the URL, and can be the name of a member of every object. */
  const read = async () =>
    new Map(Object.entries(Object(parse(await reliably(() => storage.get(key)))) as Record<string, Kept>));

  // The next user of this browser must not find what a user has begun before the logout.
  full.onChange((session) => session || void save([]).catch(() => {}));

  async function leave(begun: OutsideBegun, { returnTo }: ReturnOptions, links: boolean): Promise<string> {
    const { url, transaction, expires } = begun;
    const state = new URL(url).searchParams.get("state") as string;
    // A login that the user gave up is dropped by the next one.
    const live = [...(await read())].filter(([, kept]) => kept.untilMs > Date.now());
    const untilMs = Date.now() + transactionSeconds * 1000;
    await save([...live, [state, { transaction, expires, untilMs, returnTo, links }]]);
    if (globalThis.document) location.assign(url);
    return url;
  }

  // A form of the page begins a login without a call. Its transaction is in the cookie, and no time of the server is
  // known.
  globalThis.document?.addEventListener("submit", ({ target, defaultPrevented }) => {
    const form = target as HTMLFormElement;
    if (defaultPrevented || form.action !== `${root}/login/outside`) return;
    const to = new FormData(form).get("return_to");
    const returnTo = typeof to === "string" ? to : undefined;
    const untilMs = Date.now() + transactionSeconds * 1000;
    void save([["", { transaction: undefined, expires: 0, untilMs, returnTo, links: false }]]).catch(() => {});
  });

  /** With tokens in cookies, the callback has finished the login, and the client does not know the session yet. */
  async function readNewSession(begun: Kept, all: ReadonlyMap<string, Kept>): Promise<EnteredSession | undefined> {
    const before = (await full.session())?.session;
    const seen = await get("/session").catch((error) => {
      if (error.code === "unavailable") throw error;
      return undefined; // The cookies are of no session.
    });
    const now = (seen as ClientSession | undefined)?.session;
    // A login there can be older than this one, and the token is not.
    const isOlder = ((seen as ClientSession | undefined)?.starts ?? 0) < begun.expires - transactionSeconds;
    // The user came back without a login, to the former session or to none.
    if (!now || isOlder || (now.id === before?.id && now.authenticated === before.authenticated)) return undefined;
    // After a lost response, the next attempt must send the same key.
    begun.key ??= randomId();
    await save(all);
    return (await steps.enter("/renew", "", {}, begun.key)).session;
  }

  function throwLinkNeeded(error: unknown): never {
    if (!(error instanceof AmphoError) || error.code !== "link_needed") throw error;
    const keyOf = createIdempotencyKeys();
    throw new LinkNeeded(error, async (transaction, proof) => {
      const typed = "code" in proof ? proof : { login: proof.login, password: proof.password, ...factorMembers(proof) };
      const login = "code" in proof ? "" : proof.login;
      return (await steps.enter("/login", login, { ...pendingOf({ transaction }), ...typed }, keyOf(proof))).session;
    });
  }

  /** With tokens in cookies, the query has the error and the needed proofs, and the transaction is a cookie. */
  async function throwRejection(code: ErrorCode, needed: readonly string[]): Promise<never> {
    const mail = needed.includes("mail");
    const isPending = code === "factor_needed";
    // The server repeats the error with the options of the passkeys. It has no more to say about a set-up.
    if (isPending && needed[0] && !mail) await steps.enter("/login", "", pendingOf({}));
    const details = isPending ? { enroll: true, mail } : { ways: needed };
    const error = new AmphoError(code, messages[code] ?? "The login at the provider was not finished.", details);
    if (isPending) throw steps.factorNeeded(error, "");
    return throwLinkNeeded(error);
  }

  /** React calls an effect twice. Both calls must send the same key. */
  let returning: Promise<Returned | undefined> | undefined;
  async function returnedByCookie(): Promise<Returned | undefined> {
    const all = await read();
    const isOpen = ({ transaction, untilMs }: Kept) => !transaction && untilMs > Date.now();
    const begun = [...all.values()].reverse().find(isOpen);
    // Without one, a foreign link can have put an error into the URL.
    if (!begun) return undefined;
    const forget = () => save([...all].filter(([, kept]) => !isOpen(kept)));
    const { hash, pathname, search } = location;
    const query = new URLSearchParams(search);
    const [rejection, needed] = [query.get("ampho_error"), query.get("ampho_needed") ?? ""];
    if (rejection) {
      for (const name of ["error", "needed", "return_to"]) query.delete(`ampho_${name}`);
      history.replaceState(history.state, "", `${pathname}?${query}`.replace(/\?$/, "") + hash);
      await forget();
      return throwRejection(rejection as ErrorCode, needed.split(","));
    }
    const session = begun.links ? undefined : await readNewSession(begun, all);
    if (!session) return undefined;
    await forget();
    return { session, returnTo: begun.returnTo };
  }

  const bodyOf = (provider: string, { returnTo }: ReturnOptions) => ({ provider, return_to: returnTo });

  return {
    async loginWith(provider, options = {}) {
      const body = { ...bodyOf(provider, options), max_age: options.maxAge };
      return leave((await call("/login/outside", body)) as OutsideBegun, options, false);
    },
    async returned() {
      const { hash, pathname, search } = location;
      const fields = new URLSearchParams(hash.slice(1));
      const [provider, state, code] = [fields.get("provider"), fields.get("state"), fields.get("code")];
      if (!provider || !state) {
        returning ??= returnedByCookie().finally(() => {
          returning = undefined;
        });
        return returning;
      }
      // The history of the browser must not keep it.
      history.replaceState(history.state, "", pathname + search);
      const all = await read();
      const kept = all.get(state);
      all.delete(state);
      await save(all);
      // A foreign link reports no cancellation of the user.
      if (kept && /^(access_denied|user_cancelled_authorize)$/.test(fields.get("error") ?? ""))
        throw new AmphoError("outside_cancelled", "The login at the provider was cancelled.");
      if (!kept || !code) throw new AmphoError("invalid_credentials", "The provider has not identified a user.");
      const { transaction, returnTo, links } = kept;
      const body = { transaction, outside: { provider, code, state, iss: fields.get("iss") ?? undefined } };
      if (links) {
        await send("POST", "/identities/finish", body);
        return { session: undefined, returnTo };
      }
      const { session } = await steps.enter("/login", "", body, randomId()).catch(throwLinkNeeded);
      return { session, returnTo };
    },
    identities: {
      async link(provider, options = {}) {
        return leave((await send("POST", "/identities", bodyOf(provider, options))) as OutsideBegun, options, true);
      },
      async unlink(id) {
        await send("DELETE", `/identities/${encodeURIComponent(id)}`);
      },
    },
  };
}
