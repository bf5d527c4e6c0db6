// `ampho/client/account`: what an account page does (docs/guides/account.md), by a client of `ampho/client` or `ampho/client/ways`.
import type { Client } from "./core.js";
import { sendBy } from "./send.js";

export interface AccountPasskey {
  /** The credential id. */
  readonly id: string;
  readonly name: string;
  /** Unix seconds, as all times here. */
  readonly created: number;
  readonly used: number | null;
  readonly synced: boolean;
}

export interface OwnAccount {
  readonly id: string;
  readonly login: string;
  readonly email: string | null;
  readonly email_proven: boolean;
  /** Null where the application keeps its own user table. */
  readonly created: number | null;
  readonly policy: "optional" | "required" | "phr";
  /** False if the user logs in without one. */
  readonly password: boolean;
  readonly passkeys: readonly AccountPasskey[];
  readonly totp: { readonly since: number } | null;
  /** How many are left. */
  readonly recovery_codes: number;
  readonly identities: readonly { readonly id: string; readonly provider: string }[];
}

export interface AccountSession {
  readonly id: string;
  /** True for the session of this client. */
  readonly current: boolean;
  readonly created: number;
  readonly renewed: number;
  readonly expires: number;
  readonly address: string | null;
  readonly agent: string | null;
  readonly amr: readonly string[];
  readonly acr: string;
}

/**
 * Every call rejects with AmphoError. `recent` stands for `login_too_old` and `login_too_weak`, which `onStepUp` of
 * `ampho/client/ways` handles.
 */
export interface AccountClient {
  readonly account: {
    get(): Promise<OwnAccount>;
    /** Everything that the server has about the user, as JSON. Rejects with `recent`. */
    export(): Promise<unknown>;
    /** Deletes the account, and the session here. Rejects with `recent`. */
    remove(): Promise<void>;
    /** Ends the session, and the user logs in again. Rejects with `recent` or `login_taken`. */
    changeLogin(login: string): Promise<void>;
    /** `password` is the present one, and undefined for a user who has none. Rejects with `password_rejected` too. */
    changePassword(newPassword: string, password?: string): Promise<void>;
    /** Rejects with `recent`, or with `last_way_in` without a passkey and recovery codes. */
    removePassword(): Promise<void>;
  };
  readonly sessions: {
    list(): Promise<readonly AccountSession[]>;
    /** Ends one session, or all with the present one. */
    end(id?: string): Promise<void>;
  };
}

export interface AccountOptions {
  /** AMPHO_SECURITY_REST_PREFIX, `/api/security` by default. */
  readonly prefix?: string | undefined;
}

/** @example const { account } = createAccount(client); console.log((await account.get()).login); */
export function createAccount(
  client: Pick<Client, "fetch" | "logout">,
  { prefix = "/api/security" }: AccountOptions = {},
): AccountClient {
  const send = sendBy(client.fetch, prefix);
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
