// `ampho/client/mail`: the client with logins, registration, resets and changes of address by mail (docs/guides/mailed-links.md).

import type { EnteredSession } from "./factor-needed.js";
import { createKeys } from "./idempotency-keys.js";
import { createLinks, type Followed } from "./mailed-links.js";
import { createRegistrations, type NewAccount, type Registered } from "./registrations.js";
import { createResets, type ResetProof } from "./resets.js";
import { createTransactionStore, type Kept, type MailBegun } from "./transaction-store.js";
import { createWays, partsOf, type WaysClient, type WaysOptions } from "./ways-client.js";

export * from "./ways.js";
export type { Followed, MailBegun, NewAccount, Registered, ResetProof };

/** A mail was asked for. The page shows `match`, and asks for the code. */
interface Begun extends MailBegun {
  /** The earliest time of another mail, in Unix seconds. */
  readonly resend: number;
}

export interface MailLogin extends Begun {
  /**
   * Logs in with the mailed code, and stores the session like `login`. Rejects with `FactorNeeded` if the account has a second
   * factor. After `invalid_credentials` call it again, and after `transaction_over` begin again.
   */
  finish(code: string): Promise<EnteredSession>;
}

export interface Registration extends MailBegun {
  /** Proves the address with the mailed code, creates the account, and stores its session like `login`. */
  finish(account: NewAccount & { readonly code: string }): Promise<Registered>;
}

export interface PasswordReset extends Begun {
  /**
   * Sets the new password. It creates no session. Rejects with `factor_needed` if the account has a second factor, with
   * `details.factors`: call it again with one of them.
   */
  finish(proof: ResetProof & { readonly code: string }): Promise<void>;
}

export interface EmailChange extends MailBegun {
  /** Sends the code that was mailed to the new address. Rejects with `email_taken` if another account has it. */
  finish(code: string): Promise<void>;
}

export interface MailClient extends WaysClient {
  /** Mails a code and a link. It resolves in the same way for an unknown login. */
  mailLogin(login: string): Promise<MailLogin>;
  /** `invite` is that of a followed invitation. Rejects with `registration_closed`. */
  register(
    email: string,
    about?: { readonly login?: string | undefined; readonly invite?: string | undefined },
  ): Promise<Registration>;
  /** Mails a code and a link. It resolves in the same way for an unknown login. */
  resetPassword(login: string): Promise<PasswordReset>;
  /** Changes the address of the user who is logged in. Rejects with `login_too_old` or `login_too_weak`. */
  changeEmail(email: string): Promise<EmailChange>;
  /**
   * Reads the mailed link in the URL of the page, and removes it from there. Returns undefined if there is none. `finish` of its
   * result rejects with `match_needed` in another browser than the one that asked for the mail: ask the user for the number,
   * and call it again.
   */
  followLink(): Followed | undefined;
}

/** Throws TypeError if `baseUrl` is not a URL. */
export function createClient(options: WaysOptions): MailClient {
  const parts = createWays(options);
  const { client, steps, call, send } = parts;
  const transactions = createTransactionStore(options.storage, parts.root);
  const registrations = createRegistrations(parts);
  const resets = createResets(parts);

  async function begin(path: "/login/mail" | "/password/reset", login: string) {
    const device = await transactions.deviceOf(login);
    return transactions.keep((await call(path, { login, device })) as Begun);
  }

  const mail: MailClient = {
    ...client,
    async mailLogin(login) {
      const begun = await begin("/login/mail", login);
      const { transaction, match, expires, resend } = begun;
      const keyOf = createKeys();
      const finish = async (code: string) =>
        (await steps.enter("/login", login, { transaction, code }, keyOf(code))).session;
      return { match, expires, resend, finish };
    },
    async register(email, about) {
      const begun = await transactions.keep((await call("/register", { email, ...about })) as MailBegun);
      const { transaction, match, expires } = begun;
      const finish = registrations(about?.login ?? email, begun.passkey);
      return { match, expires, finish: ({ code, ...account }) => finish({ transaction, code }, account) };
    },
    async resetPassword(login) {
      const begun = await begin("/password/reset", login);
      const { transaction, match, expires, resend } = begun;
      const finish = resets();
      return { match, expires, resend, finish: ({ code, ...proof }) => finish({ transaction, code }, proof) };
    },
    async changeEmail(email) {
      const { transaction, match, expires } = (await send("POST", "/account/email", { email })) as MailBegun & Kept;
      return {
        match,
        expires,
        async finish(code) {
          await send("POST", "/account/email/finish", { transaction, code });
        },
      };
    },
    followLink: createLinks(parts, transactions, registrations, resets),
  };
  partsOf.set(mail, parts);
  return mail;
}
