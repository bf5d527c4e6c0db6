// The requests that create or raise a session with second factors: a login in one request, its second step, a step-up.
import { AmphoError } from "../errors.js";
import type { WebAuthnJson } from "../wire/begun.js";
import type { Grant, RecoveryCodes } from "../wire/login.js";
import { type ClientCall, createIdempotencyKeys } from "./calls.js";
import type { Ceremonies } from "./ceremonies.js";
import type { Core } from "./core.js";
import { type EnteredSession, FactorNeeded, type TypedFactor } from "./factor-needed.js";
import { requireKnown } from "./known.js";
import { signalUnknown } from "./passkey-login.js";
import { getCredential } from "./webauthn.js";

export type LoginSteps = ReturnType<typeof createLoginSteps>;

type Path = "/login" | "/renew" | "/totp/confirm" | "/passkeys" | "/register/finish";

interface Entered {
  readonly session: EnteredSession;
  readonly recoveryCodes: readonly string[];
  /** The passkey that was registered. */
  readonly passkey: unknown;
}

/** The members of the response that are for the user. They are not stored with the tokens. */
type ForUser = Partial<RecoveryCodes> & Pick<Grant, "recovery_codes_left" | "review"> & { readonly passkey?: unknown };

export function factorMembers(proof: TypedFactor = {}): object {
  requireKnown(proof, "totp", "recoveryCode", "remember", "passkey", "captcha", "login", "password");
  const { totp, recoveryCode: recovery_code, remember } = proof;
  return { totp, recovery_code, remember };
}

/** An empty text names the transaction in the cookie. Without it, the request could be one of the present session. */
export const pendingOf = ({ transaction = "" }: { readonly transaction?: string | undefined }) => ({ transaction });

/** `freshen` renews the token of the present session if it is due. */
export function createLoginSteps(
  core: Pick<Core, "enter">,
  call: ClientCall,
  freshen: () => Promise<unknown>,
  ceremonies: Ceremonies,
) {
  let last: { readonly id: string; readonly entered: Promise<Entered> } | undefined;

  async function enterOnce(path: Path, login: string, body: object, key?: string): Promise<Entered> {
    let forUser: ForUser = {};
    const request = async (device: string | undefined, token: string | undefined) => {
      const result = (await call(path, { ...body, device }, token, key)) as ForUser;
      forUser = result;
      return result;
    };
    const session = await core.enter(request).catch((error) => {
      throw steps.factorNeeded(error, login);
    });
    const { recovery_codes: recoveryCodes = [], recovery_codes_left: left, review, passkey } = forUser;
    const entered = {
      ...session,
      ...(left !== undefined && { recoveryCodesLeft: left }),
      ...(review && { review: true as const }),
    };
    return { session: entered, recoveryCodes, passkey };
  }

  const steps = {
    /** Rejects with FactorNeeded for `factor_needed`. */
    enter(path: Path, login: string, body: object, key?: string): Promise<Entered> {
      // The server accepts a one-time proof once, so a second click gets the result of the first one.
      const id = JSON.stringify([path, login, body]);
      if (last?.id !== id) {
        const entered = enterOnce(path, login, body, key).finally(() => {
          if (last?.entered === entered) last = undefined;
        });
        last = { id, entered };
      }
      return last.entered;
    },
    /** A login after a logout is a new one. */
    forget() {
      last = undefined;
    },
    /** Throws the error itself unless its code is `factor_needed`. */
    factorNeeded(error: unknown, login: string): FactorNeeded {
      if (!(error instanceof AmphoError) || error.code !== "factor_needed") throw error;
      const keyOf = createIdempotencyKeys();
      const { passkey: options } = error.details;
      let signed: WebAuthnJson | undefined;
      const needed: FactorNeeded = new FactorNeeded(error, login, async (proof) => {
        const finish = async (passkey?: WebAuthnJson) => {
          // A step-up needs a token that the server accepts, and the user might have taken minutes to find the factor.
          await freshen();
          const body = { ...pendingOf(needed), passkey, ...factorMembers(proof) };
          const { session } = await steps.enter("/login", login, body, keyOf(body));
          return session;
        };
        if (!proof.passkey || !options) return finish();
        return ceremonies.modal(async (signal) => {
          // After a lost response, the server returns the session again to the same assertion.
          signed ??= await getCredential(options, signal);
          return signalUnknown(options, signed, finish(signed)).catch((failure) => {
            if (failure.code !== "unavailable") signed = undefined;
            throw failure;
          });
        });
      });
      return needed;
    },
  };
  return steps;
}
