// Login (docs/reference/contract.md §4, POST /login). The gate opens a session, or re-authenticates a live one.
import { AmphoError } from "../../errors.js";
import type { Grant } from "../../wire/login.js";
import type { Deps, Flow } from "../deps.js";
import { logInByMail } from "./mail.js";
import { logInByIdentityCode, logInOutside } from "./outside.js";
import { logInByPasskey } from "./passkey.js";
import { logInByPassword } from "./password.js";
import { finishLogin, stepUp } from "./second-step.js";
import type { LoginRequest, SentLogin, Way } from "./sent.js";

export interface LoginInput extends LoginRequest {
  readonly sent: SentLogin;
}

const ways: { readonly [W in SentLogin["way"]]: Way<W> } = {
  password: logInByPassword,
  passkey: logInByPasskey,
  mail: logInByMail,
  identityCode: logInByIdentityCode,
  outside: logInOutside,
  second: finishLogin,
  stepUp,
};

/**
 * Rejects with `factor_needed`, `link_needed`, `match_needed`, `invalid_credentials`, `unknown_passkey`,
 * `invalid_token`, `credential_not_accepted`, `transaction_over`, `registration_closed`, `address_needed`,
 * `too_many_attempts`, `captcha_needed`, `overloaded` or `unavailable`.
 */
export const login: Flow<Grant, LoginInput> = async (deps, input, caller) => {
  deps.tokens.requireSigningKey();
  // TypeScript does not follow that the row and what was sent are of the same way.
  const way = ways[input.sent.way] as Flow<Grant, LoginInput>;
  return delayRejection(deps, input.sent, () => way(deps, input, caller));
};

/** A flood of wrong proofs that cost no hashing thread must not take the event loop from other requests. */
async function delayRejection<T>({ throttle }: Deps, { way }: SentLogin, prove: () => Promise<T>): Promise<T> {
  try {
    return await prove();
  } catch (error) {
    const isRejected = error instanceof AmphoError && error.code !== "factor_needed";
    if (isRejected && way !== "password") await throttle.delayRejection();
    throw error;
  }
}
