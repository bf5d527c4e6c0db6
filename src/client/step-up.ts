// A ready `onStepUp`: asks for the proofs that the session lacks, by functions of the page.
import type { AmphoError } from "../errors.js";
import { FactorNeeded, type SecondFactor } from "./factor-needed.js";
import type { OnStepUp } from "./full-client.js";
import { requireKnown } from "./known.js";

/**
 * Asks the user for a text. `failed` is true after a wrong one. Undefined or null, as `prompt` returns it, cancels: the
 * request then rejects with the error that asked for more.
 */
export type AskText = (failed: boolean) => Promise<string | null | undefined> | string | null | undefined;

/** The questions that a page can ask. */
export interface StepUpQuestions {
  /** Asks for the password. Without it, a login that is too old needs a passkey. */
  readonly password?: AskText | undefined;
  /** Asks for the code of the authenticator app. */
  readonly totp?: AskText | undefined;
  /** Asks for a recovery code. */
  readonly recoveryCode?: AskText | undefined;
  /** Asks the browser for a passkey, where the account has one. */
  readonly passkey?: true | undefined;
}

/**
 * Makes an `onStepUp` of functions that ask the user. It asks for the password or a passkey alone where the login is
 * too old, and for a second factor where the login was too weak. After a wrong text it asks again.
 * @example
 * const totp = () => prompt("Code of your app");
 * const onStepUp = askWith({ password: () => prompt("Password"), totp, passkey: true });
 * const client = createClient({ baseUrl: "https://app.example", onStepUp });
 */
export function askWith(questions: StepUpQuestions): OnStepUp {
  requireKnown(questions, "password", "totp", "recoveryCode", "passkey");
  const { password, totp, recoveryCode, passkey } = questions;
  return async (error, client) => {
    async function ask<T>(question: AskText, send: (text: string) => Promise<T>): Promise<T> {
      for (let failed = false; ; failed = true) {
        const text = await question(failed);
        if (text == null) throw error;
        try {
          return await send(text);
        } catch (failure) {
          if ((failure as AmphoError).code !== "invalid_credentials") throw failure;
        }
      }
    }
    async function proveFactor({ factors, finish }: FactorNeeded): Promise<unknown> {
      const typed = (question: AskText, name: keyof SecondFactor) => ask(question, (text) => finish({ [name]: text }));
      if (passkey && factors.includes("passkey")) return finish({ passkey });
      if (totp && factors.includes("totp")) return typed(totp, "totp");
      if (recoveryCode && factors.includes("recovery_code")) return typed(recoveryCode, "recoveryCode");
      throw error;
    }
    const user = await client.session();
    if (error.needs === "factor" || !user) return proveFactor(await client.stepUp());
    try {
      if (password) return await ask(password, (text) => client.login(user.login, text));
      if (passkey) return await client.loginWithPasskey();
    } catch (needed) {
      if (needed instanceof FactorNeeded) return proveFactor(needed);
      throw needed;
    }
    throw error;
  };
}
