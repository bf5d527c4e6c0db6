// `ampho/client/account`: what an account page does (docs/guides/account.md), by any client.
import type { AccessView, AccountExport, AccountView, SessionView } from "../wire/account.js";
import type { ConfirmationBegun } from "../wire/begun.js";
import { sendBy } from "./calls.js";
import type { Client } from "./core.js";

export type {
  AccessItem,
  AccessView,
  AccountExport,
  AccountView,
  ExportedEvent,
  LinkedIdentity,
  PasskeyView,
  SessionView,
} from "../wire/account.js";

/** A review that waits for its code. */
export interface Review extends Pick<ConfirmationBegun, "expires"> {
  /**
   * Confirms all removals of the next 900 seconds with the mailed code.
   * @example await review.finish("12345678");
   */
  finish(code: string): Promise<void>;
}

/**
 * Every call rejects with AmphoError. `recent` stands for `login_too_old` and `login_too_weak`, which `onStepUp` of
 * `ampho/client/full` handles.
 */
export interface AccountClient {
  /** The account itself. */
  readonly account: {
    /**
     * Returns the account.
     * @example const { login, email, passkeys } = await account.get();
     */
    get(): Promise<AccountView>;
    /**
     * Returns everything that can still sign in or act. Show it to a user whose login has `review: true`.
     * @example for (const { kind, name, created, current } of (await account.access()).access) show(kind, name);
     */
    access(): Promise<AccessView>;
    /**
     * Ends all of it but the entries with `current`, the password, the address and the login. Rejects with `recent`,
     * `confirmation_needed`, or `last_way_in` if the rest would not be enough to sign in.
     * @example await account.endAccess();
     */
    endAccess(): Promise<void>;
    /**
     * Mails a code that confirms all removals, in place of one code for each. Rejects with `recent`.
     * @example const review = await account.review();
     */
    review(): Promise<Review>;
    /**
     * Everything that the server has about the user, as JSON. Rejects with `recent`.
     * @example const everything = await account.export();
     */
    export(): Promise<AccountExport>;
    /**
     * Deletes the account, and the session here. Rejects with `recent`.
     * @example await account.remove();
     */
    remove(): Promise<void>;
    /**
     * Ends the session, and the user signs in again. Rejects with `recent` or `login_taken`.
     * @example await account.changeLogin("alice2");
     */
    changeLogin(login: string): Promise<void>;
    /**
     * `password` is the present one, and undefined for a user who has none. Rejects with `password_rejected` too.
     * @example await account.changePassword(newPassword, password);
     */
    changePassword(newPassword: string, password?: string): Promise<void>;
    /**
     * Rejects with `recent`, or with `last_way_in` without a passkey and recovery codes.
     * @example await account.removePassword();
     */
    removePassword(): Promise<void>;
  };
  /** The live sessions of the user. */
  readonly sessions: {
    /**
     * Returns the live sessions, the newest first.
     * @example const all = await sessions.list();
     */
    list(): Promise<readonly SessionView[]>;
    /**
     * Ends one session, or all with the present one.
     * @example
     * for (const { id, current } of await sessions.list()) if (!current) await sessions.end(id);
     */
    end(id?: string): Promise<void>;
  };
}

/** The options of `createAccount`. */
export interface AccountOptions {
  /** AMPHO_SECURITY_REST_PREFIX, `/api/security` by default. */
  readonly prefix?: string | undefined;
}

/**
 * Adds the functions of an account page to any client.
 * @example
 * const { account } = createAccount(client);
 * show((await account.get()).login);
 */
export function createAccount(
  client: Pick<Client, "fetch" | "logout">,
  { prefix = "/api/security" }: AccountOptions = {},
): AccountClient {
  const send = sendBy(client.fetch, prefix.replace(/\/+$/, ""));
  /** The server has ended the session, so only the tokens here are left. */
  const forget = () => client.logout().catch(() => undefined);
  /** Any request with tokens that were revoked makes the client forget them. */
  const settle = () => send("GET", "/session").catch(() => undefined);

  return {
    account: {
      get: async () => (await send("GET", "/account")) as AccountView,
      access: async () => (await send("GET", "/account/access")) as AccessView,
      async endAccess() {
        await send("DELETE", "/account/access");
      },
      async review() {
        const { transaction, expires } = (await send("POST", "/account/confirm", {
          change: "review",
        })) as ConfirmationBegun;
        return {
          expires,
          async finish(code) {
            await send("POST", "/account/confirm/finish", { transaction, code });
          },
        };
      },
      export: async () => (await send("GET", "/account/export")) as AccountExport,
      async remove() {
        await send("DELETE", "/account");
        await forget();
      },
      async changeLogin(login) {
        await send("POST", "/account/login", { login });
        await settle();
      },
      async changePassword(new_password, password) {
        await send("POST", "/password", { password, new_password });
      },
      async removePassword() {
        await send("DELETE", "/password");
      },
    },
    sessions: {
      list: async () => ((await send("GET", "/sessions")) as { sessions: SessionView[] }).sessions,
      async end(id) {
        await send("DELETE", id === undefined ? "/sessions" : `/sessions/${encodeURIComponent(id)}`);
        if (id === undefined) await forget();
      },
    },
  };
}
