// `ampho/client/account`: what an account page does (docs/guides/account.md), by a client of `ampho/client` or `ampho/client/ways`.
import type { Client } from "./core.js";
import { sendBy } from "./send.js";

/** A passkey of the account. */
export interface AccountPasskey {
  /** The credential id. */
  readonly id: string;
  /** The name in the user's list. */
  readonly name: string;
  /** Unix seconds, as all times here. */
  readonly created: number;
  /** The time of the last login with it, or null. */
  readonly used: number | null;
  /** True if the passkey is backed up. */
  readonly synced: boolean;
}

/** The account of the user who is logged in. */
export interface OwnAccount {
  /** The id of the user. */
  readonly id: string;
  /** The login of the user. */
  readonly login: string;
  /** The address to which mails go, or null. */
  readonly email: string | null;
  /** True if the user has proven the address. */
  readonly email_proven: boolean;
  /** Null where the application keeps its own user table. */
  readonly created: number | null;
  /** How much a login of this account must prove. */
  readonly policy: "optional" | "required" | "phr";
  /** False if the user logs in without one. */
  readonly password: boolean;
  /** The passkeys of the account. */
  readonly passkeys: readonly AccountPasskey[];
  /** The authenticator app, or null. */
  readonly totp: {
    /** The time at which the app was set up. */
    readonly since: number;
  } | null;
  /** The number of recovery codes that are left. */
  readonly recovery_codes: number;
  /** The identities at outside providers. */
  readonly identities: readonly {
    /** The id, for `identities.unlink` of `ampho/client/outside`. */
    readonly id: string;
    /** The name of the provider. */
    readonly provider: string;
  }[];
}

/** A live session of the user. Times are Unix seconds. */
export interface AccountSession {
  /** The id, for `sessions.end`. */
  readonly id: string;
  /** True for the session of this client. */
  readonly current: boolean;
  /** The time of the login. */
  readonly created: number;
  /** The time of the last renewal. */
  readonly renewed: number;
  /** The end of the session unless it is renewed. */
  readonly expires: number;
  /** The address of the last login or renewal, or null. */
  readonly address: string | null;
  /** The user agent of the last login or renewal, or null. */
  readonly agent: string | null;
  /** How the user logged in (RFC 8176). */
  readonly amr: readonly string[];
  /** The level of that login. */
  readonly acr: string;
}

/**
 * Every call rejects with AmphoError. `recent` stands for `login_too_old` and `login_too_weak`, which `onStepUp` of
 * `ampho/client/ways` handles.
 */
export interface AccountClient {
  /** The account itself. */
  readonly account: {
    /**
     * Returns the account.
     * @example const { login, email, passkeys } = await account.get();
     */
    get(): Promise<OwnAccount>;
    /**
     * Everything that the server has about the user, as JSON. Rejects with `recent`.
     * @example const everything = await account.export();
     */
    export(): Promise<unknown>;
    /**
     * Deletes the account, and the session here. Rejects with `recent`.
     * @example await account.remove();
     */
    remove(): Promise<void>;
    /**
     * Ends the session, and the user logs in again. Rejects with `recent` or `login_taken`.
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
    list(): Promise<readonly AccountSession[]>;
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
      get: async () => (await send("GET", "/account")) as OwnAccount,
      export: () => send("GET", "/account/export"),
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
      list: async () => ((await send("GET", "/sessions")) as { sessions: AccountSession[] }).sessions,
      async end(id) {
        await send("DELETE", id === undefined ? "/sessions" : `/sessions/${encodeURIComponent(id)}`);
        if (id === undefined) await forget();
      },
    },
  };
}
