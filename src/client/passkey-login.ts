// Logins by passkey: alone, by a button or by autofill, and as a second factor.
import { AmphoError } from "../errors.js";
import type { WebAuthnJson } from "../wire/begun.js";
import type { Ways, WaysIn } from "../wire/login.js";
import { type ClientCall, unavailable } from "./calls.js";
import type { BegunCeremony, Ceremonies } from "./ceremonies.js";
import type { EnteredSession } from "./factor-needed.js";
import { getCredential, platform } from "./webauthn.js";

/** The options of `loginWithPasskey`. */
export interface PasskeyLoginOptions {
  /**
   * Offers passkeys in the autofill of a field with `autocomplete="username webauthn"`. Call it when the page opens. It
   * resolves to undefined if the user signs in otherwise, and in a browser without this.
   */
  readonly autofill?: boolean | undefined;
  /** Ends the wait for the user. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Signs in with a passkey.
 * @example
 * const loginWithPasskey: PasskeyLogin = client.loginWithPasskey;
 * const session = await loginWithPasskey();
 */
export interface PasskeyLogin {
  /**
   * Asks the browser for a passkey. With `autofill` it offers passkeys in a field.
   * @example const session = await client.loginWithPasskey({ autofill: true, signal });
   */
  (options: PasskeyLoginOptions & { readonly autofill: true }): Promise<EnteredSession | undefined>;
  (options?: PasskeyLoginOptions & { readonly autofill?: false | undefined }): Promise<EnteredSession>;
}

/** The response of `GET /login`. */
type LoginPage = WaysIn & BegunCeremony;

/** The transaction lasts for ten minutes, and the user has five for the ceremony. */
const freshMs = 240_000;

type EnterByPasskey = (body: object) => Promise<EnteredSession>;

export function createPasskeyLogin(ceremonies: Ceremonies, get: ClientCall, enter: EnterByPasskey) {
  let page: LoginPage | undefined;
  let readMs = 0;

  async function read(): Promise<LoginPage> {
    page = (await get("/login")) as LoginPage;
    readMs = Date.now();
    return page;
  }
  /** The next ceremony uses the transaction of a request of autofill that got no response. */
  async function begin(): Promise<LoginPage> {
    const begun = page && Date.now() - readMs < freshMs ? page : await read();
    if (begun.transaction) return begun;
    throw new AmphoError("not_found", "Passkeys are not offered here.");
  }
  function finish({ transaction, passkey: options }: LoginPage, passkey: WebAuthnJson): Promise<EnteredSession> {
    page = undefined;
    return signalUnknown(options, passkey, enter({ transaction, passkey }));
  }

  async function loginWithPasskey({ autofill, signal }: PasskeyLoginOptions = {}) {
    if (autofill) {
      const chosen = await ceremonies.autofill(begin, signal);
      return chosen && finish(...chosen);
    }
    return ceremonies.modal(async (ceremony) => {
      const begun = await begin();
      return finish(begun, await getCredential(begun.passkey, ceremony));
    }, signal);
  }

  return {
    loginWithPasskey: loginWithPasskey as PasskeyLogin,
    async ways(): Promise<Ways> {
      const { ways } = await read();
      if (!ways) throw unavailable(undefined);
      return { ...ways, passkey: ways.passkey && "PublicKeyCredential" in globalThis };
    },
  };
}

/** After `unknown_passkey`, the browser stops to offer this passkey. */
export async function signalUnknown<T>({ rpId }: WebAuthnJson, { id }: WebAuthnJson, work: Promise<T>): Promise<T> {
  return work.catch((error) => {
    if (error.code === "unknown_passkey")
      platform()
        .signalUnknownCredential?.({ rpId, credentialId: id })
        .catch(() => {});
    throw error;
  });
}
