// The client with passkeys, second factors, step-up, and tokens in cookies, for `…/full` and `…/mail`.
import type { ClientSession, RecoveryCodes, Ways } from "../wire/login.js";
import { type ClientCall, createClientCall, type Send, sendBy, unavailable } from "./calls.js";
import { type Ceremonies, createCeremonies } from "./ceremonies.js";
import { createConfirmFetch, type OnConfirm } from "./confirm-fetch.js";
import { createCookieCall, createCookieGet, withCookies } from "./cookie-mode.js";
import { type Client, type ClientOptions, coreOptions, createCore } from "./core.js";
import type { EnteredSession, FactorNeeded, TypedFactor } from "./factor-needed.js";
import { requireKnown } from "./known.js";
import { createLoginSteps, factorMembers, type LoginSteps } from "./login-steps.js";
import { createPasskeyLogin, type PasskeyLogin } from "./passkey-login.js";
import { createPasskeys, type Passkeys } from "./passkeys.js";
import type { StoredSession } from "./record.js";
import { sessionEnded, unlessOver } from "./renewal.js";
import { createStepUpFetch, type StepUpError } from "./step-up-fetch.js";
import type { ClientStorage } from "./storage.js";
import { randomId } from "./texts.js";
import { createTotp, type Totp } from "./totp.js";

/**
 * Called with `login_too_weak` or `login_too_old`, and the client. `askWith` makes one of functions that ask the user.
 * @example
 * const onStepUp: OnStepUp = async ({ needs }, client) => {
 *   if (needs === "login") await client.login("alice", password);
 *   else await (await client.stepUp()).finish({ totp: "123456" });
 * };
 */
export type OnStepUp = (error: StepUpError, client: FullClient) => unknown;

/** The options of `createClient`. */
export interface FullClientOptions extends ClientOptions {
  /**
   * Further services that get the token too, such as `https://orders.example`. Only the origin of each URL counts. No
   * other origin gets the token. The default is none.
   */
  readonly origins?: readonly string[] | undefined;
  /** True for a server with AMPHO_SECURITY_COOKIES: tokens are in cookies, and the client stores none. For pages. */
  readonly cookies?: boolean | undefined;
  /**
   * Called once for all requests that get `login_too_weak` or `login_too_old`. When its promise resolves, `fetch`
   * repeats the requests. When it rejects, they reject with the same reason. It must not fetch a route that requires
   * more itself.
   */
  readonly onStepUp?: OnStepUp | undefined;
  /** Called with `confirmation_needed`, when the code was mailed. `fetch` repeats the request with its result. */
  readonly onConfirm?: OnConfirm | undefined;
}

/** The proofs of a login besides the password. */
export interface LoginProof extends TypedFactor {
  /** The token of a solved captcha, after `captcha_needed`. */
  readonly captcha?: string | undefined;
}

/** The client with second factors, passkeys and step-up. */
export interface FullClient extends Client {
  /**
   * Like `login` of `ampho/client`. Rejects with `FactorNeeded` if the login needs a second factor that was not sent,
   * and with `captcha_needed` if a solved captcha buys the attempt.
   * @example await client.login("alice", password, { totp: "123456" });
   */
  login(login: string, password?: string, proof?: LoginProof): Promise<EnteredSession>;
  /**
   * Returns the ways to sign in that this server and this browser have.
   * @example const { passkey, providers } = await client.ways();
   */
  ways(): Promise<Ways>;
  /**
   * Signs in with a passkey alone. Rejects with `unknown_passkey` if it was removed from the account, and with the
   * platform's error, such as `NotAllowedError` after the user has cancelled.
   * @example const session = await client.loginWithPasskey();
   */
  readonly loginWithPasskey: PasskeyLogin;
  /** The passkeys of the user who is signed in. */
  readonly passkeys: Passkeys;
  /**
   * Begins a step-up. `finish` of its result raises the present session. Rejects with `session_ended` without a
   * session.
   * @example
   * const factorNeeded = await client.stepUp();
   * await factorNeeded.finish({ totp: "123456" });
   */
  stepUp(): Promise<FactorNeeded>;
  /** The authenticator app of the user who is signed in. */
  readonly totp: Totp;
  /** `renew` resolves to new codes. The former ones are void. */
  readonly recoveryCodes: {
    /**
     * Returns eight new codes. The former ones are void.
     * @example const codes = await client.recoveryCodes.renew();
     */
    renew(): Promise<readonly string[]>;
  };
  /** `forget` ends the effect of `remember` on all devices of the user. */
  readonly devices: {
    /**
     * Ends the effect of `remember` on all devices of the user.
     * @example await client.devices.forget();
     */
    forget(): Promise<void>;
  };
}

/** The parts of which more functions of a client are made. */
export interface ClientInternals {
  readonly client: FullClient;
  /** The URL of the prefix. */
  readonly root: string;
  /** The storage of the client. */
  readonly storage: ClientStorage;
  readonly steps: LoginSteps;
  readonly ceremonies: Ceremonies;
  readonly call: ClientCall;
  /** Sends a request of the user who is signed in. */
  readonly send: Send;
}

/** The parts of a client, for `ampho/client/outside`. */
export const internalsOf = new WeakMap<object, ClientInternals>();

/** Throws TypeError if `baseUrl` or one of `origins` is not a URL. */
export function createFullClient(options: FullClientOptions): ClientInternals {
  requireKnown(options, ...coreOptions, "origins", "cookies", "onStepUp", "onConfirm");
  const { cookies, onStepUp, onConfirm } = options;
  const origins = (options.origins ?? []).map((url) => new URL(url).origin);
  if (cookies && origins[0]) throw new TypeError("With cookies: true there is no token for other origins.");
  let root = "";
  let call: ClientCall = createClientCall(root);
  const open = (url: string) => {
    root = url;
    call = cookies ? createCookieCall(root) : createClientCall(root);
    return call;
  };
  const complete = async (grant: StoredSession) => {
    // The change is made, whatever becomes of this request.
    const session = (await createCookieGet(root)("/session").catch(() => client.session())) as ClientSession;
    return { ...grant, session };
  };
  // A record of tokens is of no use where the tokens are in cookies, nor the other way round.
  const title = cookies ? "ampho cookies" : "ampho";
  const core = createCore(options, open, title, origins, cookies ? complete : undefined);
  const { client } = core;
  const plainFetch = cookies ? withCookies(client.fetch, new URL(root)) : client.fetch;
  const own = [new URL(root).origin, ...origins];
  const strongFetch = onStepUp
    ? createStepUpFetch(plainFetch, (error) => onStepUp(error, full), client.session, own)
    : plainFetch;
  const fetch = onConfirm ? createConfirmFetch(strongFetch, onConfirm, root) : strongFetch;

  const plainSend = sendBy(plainFetch, root);
  // Any request renews a token that is due. The end of the former session does not matter to a login.
  const freshen = async () => (await client.session()) && plainSend("GET", "/session").catch(unlessOver);
  const ceremonies = createCeremonies();
  // A page that the user leaves for the account needs no autofill.
  client.onChange((session) => session && ceremonies.stop());
  const steps = createLoginSteps(core, call, freshen, ceremonies);
  const send = sendBy(fetch, root);
  const get = createClientCall(root, { method: "GET", body: null });
  const byPasskey = async (body: object) => (await steps.enter("/login", "", body)).session;

  const full: FullClient = {
    ...client,
    ...createPasskeyLogin(ceremonies, get, byPasskey),
    passkeys: createPasskeys(steps, ceremonies, call, send, plainSend, client.session),
    fetch,
    async login(login, password, proof) {
      const body = { login, password, captcha: proof?.captcha, ...factorMembers(proof) };
      return (await steps.enter("/login", login, body)).session;
    },
    async logout() {
      steps.forget();
      const [session] = await Promise.all([client.session(), client.logout()]);
      // The server can have set the cookies without this client.
      if (cookies && !session) await call("/logout", {}, undefined, randomId());
    },
    async stepUp() {
      const session = await client.session();
      if (!session) throw sessionEnded();
      const isPending = (error: unknown) => steps.factorNeeded(error, session.login);
      return plainSend("POST", "/login", {}).then(() => isPending(unavailable(undefined)), isPending);
    },
    totp: createTotp(steps, call, send),
    recoveryCodes: { renew: async () => ((await send("POST", "/recovery-codes")) as RecoveryCodes).recovery_codes },
    devices: {
      async forget() {
        await send("DELETE", "/devices");
      },
    },
  };
  const parts = { client: full, root, storage: core.kept, steps, ceremonies, call, send };
  internalsOf.set(full, parts);
  return parts;
}
