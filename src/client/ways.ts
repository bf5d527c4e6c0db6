// `ampho/client/ways`: the client with second factors, step-up, and tokens in cookies (docs/client.md).
import { createCookieCall, withCookies } from "./cookie-mode.js";
import { type Client, type ClientOptions, createCore } from "./core.js";
import type { EnteredSession, FactorNeeded, SecondFactor } from "./factor-needed.js";
import { createLoginSteps, factorMembers } from "./login-steps.js";
import { sessionEnded, unlessOver } from "./renewal.js";
import { sendBy } from "./send.js";
import { createStepUpFetch, type OnStepUp } from "./step-up-fetch.js";
import { createTotp, type Totp } from "./totp.js";
import { type ClientCall, createClientCall, unavailable } from "./wire.js";

export type { Client, ClientOptions, ClientSession, ClientStorage, ErrorCode, ErrorDetails } from "./client.js";
export { AmphoError } from "./client.js";
export { FactorNeeded } from "./factor-needed.js";
export type { Totp, TotpSetup } from "./totp.js";
export type { EnteredSession, OnStepUp, SecondFactor };

export interface WaysOptions extends ClientOptions {
  /** True for a server with AMPHO_SECURITY_COOKIES: the tokens are in cookies, and the client stores none. For pages only. */
  readonly cookies?: boolean | undefined;
  /**
   * Called once for all requests that get `login_too_weak` or `login_too_old`. When its promise resolves, `fetch` repeats the
   * requests. When it rejects, they reject with the same reason. It must not fetch a route that requires more itself.
   */
  readonly onStepUp?: OnStepUp | undefined;
}

export interface WaysClient extends Client {
  /** Like `login` of `ampho/client`. Rejects with `FactorNeeded` if the login needs a second factor that was not sent. */
  login(login: string, password?: string, proof?: SecondFactor): Promise<EnteredSession>;
  /** Begins a step-up. `finish` of its result raises the present session. Rejects with `session_ended` without a session. */
  stepUp(): Promise<FactorNeeded>;
  readonly totp: Totp;
  /** `renew` resolves to new codes. The former ones are void. */
  readonly recoveryCodes: { renew(): Promise<readonly string[]> };
  /** `forget` ends the effect of `remember` on all devices of the user. */
  readonly devices: { forget(): Promise<void> };
}

/** Throws TypeError if `baseUrl` is not a URL. */
export function createClient(options: WaysOptions): WaysClient {
  const { cookies, onStepUp } = options;
  let root = "";
  let call: ClientCall = createClientCall(root);
  const core = createCore(options, (url) => {
    root = url;
    call = cookies ? createCookieCall(root) : createClientCall(root);
    return call;
  });
  const { client } = core;
  const plainFetch = cookies ? withCookies(client.fetch, new URL(root)) : client.fetch;
  const fetch = onStepUp ? createStepUpFetch(plainFetch, onStepUp) : plainFetch;

  // Any request renews a token that is due. The end of the former session does not matter to a login.
  const freshen = async () => (await client.session()) && sendBy(plainFetch, root)("GET", "/session").catch(unlessOver);
  const steps = createLoginSteps(core, call, freshen);
  const send = sendBy(fetch, root);

  return {
    ...client,
    fetch,
    async login(login, password, proof) {
      const { session } = await steps.enter("/login", login, { login, password, ...factorMembers(proof) });
      return session;
    },
    async stepUp() {
      const session = await client.session();
      if (!session) throw sessionEnded();
      const isPending = (error: unknown) => steps.factorNeeded(error, session.login);
      return sendBy(plainFetch, root)("POST", "/login", {}).then(() => isPending(unavailable(undefined)), isPending);
    },
    totp: createTotp(steps, call, send),
    recoveryCodes: {
      renew: async () => ((await send("POST", "/recovery-codes")) as { recovery_codes: string[] }).recovery_codes,
    },
    devices: {
      async forget() {
        await send("DELETE", "/devices");
      },
    },
  };
}
