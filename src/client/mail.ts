// `ampho/client/mail`: the client with logins, registration, resets and changes of address by mail
// (docs/guides/mail-flows.md).
import type { CodeBegun, MailBegun, RegistrationBegun } from "../wire/begun.js";
import { createIdempotencyKeys } from "./calls.js";
import type { EnteredSession } from "./factor-needed.js";
import { createFullClient, type FullClient, type FullClientOptions, internalsOf } from "./full-client.js";
import { createRegistrations, createResets, type NewAccount, type Registered, type ResetProof } from "./mail-finish.js";
import { createLinks, type Followed } from "./mailed-links.js";
import { createTransactionStore } from "./transaction-store.js";

export * from "./full.js";
export type { Followed, NewAccount, Registered, ResetProof };

/** A login by mail that waits for its code. */
export interface MailLogin extends Omit<MailBegun, "transaction"> {
  /**
   * Signs in with the mailed code, and stores the session like `login`. Rejects with `FactorNeeded` if the account has
   * a second factor. After `invalid_credentials` call it again, and after `transaction_over` begin again.
   * @example const session = await mailLogin.finish("12345678");
   */
  finish(code: string): Promise<EnteredSession>;
}

/** A registration that waits for its code. */
export interface Registration extends Omit<CodeBegun, "transaction"> {
  /**
   * Proves the address with the mailed code, creates the account, and stores its session like `login`.
   * @example
   * await registration.finish({ code: "12345678", password });
   * await registration.finish({ code: "12345678", passkey: true, name: "Phone" });
   */
  finish(account: NewAccount & { readonly code: string }): Promise<Registered>;
}

/** A reset that waits for its code. */
export interface PasswordReset extends Omit<MailBegun, "transaction"> {
  /**
   * Sets the new password. It creates no session. Rejects with `factor_needed` if the account has a second factor, with
   * `details.factors`: call it again with one of them.
   * @example
   * await reset.finish({ code: "12345678", newPassword });
   * await reset.finish({ code: "12345678", newPassword, totp: "123456" });
   * await reset.finish({ code: "12345678", newPassword, recoveryCode });
   * await reset.finish({ code: "12345678", newPassword, passkey: true });
   */
  finish(proof: ResetProof & { readonly code: string }): Promise<void>;
}

/** A change of the address that waits for its code. */
export interface EmailChange extends Omit<CodeBegun, "transaction"> {
  /**
   * Sends the code that was mailed to the new address. Rejects with `email_taken` if another account has it.
   * @example await change.finish("12345678");
   */
  finish(code: string): Promise<void>;
}

/** A change of the address that waits. */
export interface LostMailboxChange {
  /** The time at which the new address gets its code, in Unix seconds. */
  readonly from: number;
  /** The end of the code, in Unix seconds. */
  readonly expires: number;
}

/** The client with registration, reset and login by mail. */
export interface MailClient extends FullClient {
  /**
   * Mails a code and a link. It resolves in the same way for an unknown login.
   * @example const { match, finish } = await client.mailLogin("alice");
   */
  mailLogin(login: string): Promise<MailLogin>;
  /**
   * `invite` is that of a followed invitation. Rejects with `registration_closed`.
   * @example
   * const registration = await client.register("ann@example.org");
   * const invited = await client.register("ann@example.org", { login: "ann", invite });
   */
  register(
    email: string,
    about?: { readonly login?: string | undefined; readonly invite?: string | undefined },
  ): Promise<Registration>;
  /**
   * Mails a code and a link. It resolves in the same way for an unknown login.
   * @example const reset = await client.resetPassword("alice");
   */
  resetPassword(login: string): Promise<PasswordReset>;
  /**
   * Changes the address of the user who is signed in. Rejects with `login_too_old` or `login_too_weak`.
   * `login`: the address becomes the login name too, and this session goes on.
   * @example
   * const change = await client.changeEmail("alice@example.org");
   * const both = await client.changeEmail("alice@example.org", { login: true });
   */
  changeEmail(email: string, about?: { readonly login?: boolean | undefined }): Promise<EmailChange>;
  /**
   * Reads the mailed link in the URL of the page, and removes it from there. Returns undefined if there is none.
   * `finish` of its result rejects with `match_needed` in another browser than the one that asked for the mail: ask the
   * user for the number, and call it again.
   * @example
   * const followed = client.followLink();
   * if (followed?.for === "reset") await followed.finish({ newPassword });
   */
  followLink(): Followed | undefined;
  /** A change of the address for a user who cannot read the present mailbox any more. `account.get` shows it. */
  readonly lostMailbox: {
    /**
     * The present mailbox gets three mails in seven days, and can stop the change. Then `email` gets the code.
     * `login`: the address becomes the login name too.
     * @example const { from, expires } = await client.lostMailbox.begin("ann@new.example");
     */
    begin(email: string, about?: { readonly login?: boolean | undefined }): Promise<LostMailboxChange>;
    /**
     * Sends the code. Rejects with `login_too_old`, or with `email_taken` if another account has the address by now.
     * @example await client.lostMailbox.finish("12345678");
     */
    finish(code: string): Promise<void>;
    /**
     * The address stays as it is.
     * @example await client.lostMailbox.stop();
     */
    stop(): Promise<void>;
  };
}

/**
 * Creates the client with registration, reset and login by mail. Throws TypeError if `baseUrl` is not a URL.
 * @example
 * const client = createClient({ baseUrl: "https://app.example" });
 * const { match } = await client.mailLogin("alice");
 */
export function createClient(options: FullClientOptions): MailClient {
  const parts = createFullClient(options);
  const { client, steps, call, send } = parts;
  const transactions = createTransactionStore(parts.storage, parts.root);
  const registrations = createRegistrations(parts);
  const resets = createResets(parts, transactions);
  // A login has used the transaction, or has taken its place. The next user of this browser must not find it.
  client.onChange(() => void transactions.forget());

  async function begin(path: "/login/mail" | "/password/reset", login: string) {
    const device = await transactions.device();
    return transactions.keep((await call(path, { login, device })) as MailBegun);
  }

  const mail: MailClient = {
    ...client,
    async mailLogin(login) {
      const begun = await begin("/login/mail", login);
      const { transaction, match, expires, resend } = begun;
      const keyOf = createIdempotencyKeys();
      const finish = async (code: string) =>
        (await steps.enter("/login", login, { transaction, code }, keyOf(code))).session;
      return { match, expires, resend, finish };
    },
    async register(email, about) {
      const begun = await transactions.keep((await call("/register", { email, ...about })) as RegistrationBegun);
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
    async changeEmail(email, about) {
      const begun = (await send("POST", "/account/email", { email, ...about })) as CodeBegun;
      const { transaction, match, expires } = begun;
      return {
        match,
        expires,
        async finish(code) {
          await send("POST", "/account/email/finish", { transaction, code });
        },
      };
    },
    followLink: createLinks(parts, transactions, registrations, resets),
    lostMailbox: {
      async begin(email, about) {
        return (await send("POST", "/account/email", { email, ...about, later: true })) as LostMailboxChange;
      },
      async finish(code) {
        await send("POST", "/account/email/finish", { code, later: true });
      },
      async stop() {
        await send("DELETE", "/account/email");
      },
    },
  };
  internalsOf.set(mail, parts);
  return mail;
}
