// The types of `ampho.users`, `ampho.sessions` and the like, which the commands use too. The file is long because it
// has their docs.
import type { AuditRow } from "../../audit/entry.js";
import type { Policy } from "../../levels/policy.js";
import type { Role } from "../../levels/role.js";
import type { ExpiredPasswords } from "../../store/sql/account/expired-passwords.js";
import type { Lockout } from "../../throttle/attempt.js";
import type { HashFormatCount } from "../../users/database-directory.js";
import type { ImportOptions, ImportReport } from "../../users/import.js";
import type { ImportInput } from "../../users/import-lines.js";
import type { AccessView, AccountExport, SessionView } from "../../wire/account.js";
import type { ApiKeyView, NewApiKey } from "../../wire/api-keys.js";
import type { ConnectionView } from "../../wire/connect.js";
import type { ServiceView } from "../../wire/services.js";
import type { ApiKeyOptions } from "../find/api-key.js";
import type { FactorView } from "../find/factor-views.js";
import type { DeletedCounts } from "../housekeeping.js";
import type { SigningKeyUse } from "./signing-key-use.js";

/** A user by id or by login. A user that was found has both, and its id counts. */
export type UserRef =
  | {
      /** The id, which is `auth.id` and the claim `sub`. */
      readonly id: string;
    }
  | {
      /** The login, in any spelling. */
      readonly login: string;
    };

/** A user as applications and commands see one. It never contains a hash. */
export interface UserView {
  /** The id, which never changes. It is the `sub` of the user's tokens. */
  readonly id: string;
  /** The login, as it was spelled at its creation. */
  readonly login: string;
  /** The roles. Tokens carry them from the next renewal on. */
  readonly roles: readonly Role[];
  /** True if the user cannot sign in. */
  readonly disabled: boolean;
  /** The address to which mails go. */
  readonly email: string | null;
  /** The user has used a code or a link that was mailed to the address. */
  readonly emailProven: boolean;
}

/** A user to create. */
export interface NewUser {
  /** 1 to 255 characters. Another spelling of an existing login is taken. An address must be the user's own. */
  readonly login: string;
  /** A password that the policy accepts. Without it the user has no password. */
  readonly password?: string | undefined;
  /** The roles. By default none. */
  readonly roles?: readonly Role[] | undefined;
  /**
   * The address to which mails go. Default: the login, if it is an address. It is unproven until the user proves it.
   */
  readonly email?: string | undefined;
}

/** The roles that the user has afterwards: exactly `set`, or the current ones without `remove` and with `add`. */
export type RoleChange =
  | {
      /** Exactly these roles. */
      readonly set: readonly string[];
    }
  | {
      /** Roles to add to the present ones. */
      readonly add?: readonly string[];
      /** Roles to remove from the present ones. */
      readonly remove?: readonly string[];
    };

/** An invitation to register. */
export interface NewInvitation {
  /** The address of the person, to which the link is mailed. */
  readonly email: string;
  /** The roles of the user who registers. */
  readonly roles?: readonly Role[] | undefined;
  /** The id of the user who invites, for the list and the audit log. */
  readonly invitedBy?: string | undefined;
}

/** An invitation, as a list shows it. */
export interface InvitationView {
  /** The id, for `users.invitations.remove`. */
  readonly id: string;
  /** The address of the person. */
  readonly email: string;
  /** The roles of the user who registers. */
  readonly roles: readonly Role[];
  /** The id of the user who invited. Null for an operator or the application. */
  readonly invitedBy: string | null;
  /** Unix seconds, as the other times. */
  readonly created: number;
  /** The invitation cannot be used from then on. */
  readonly until: number;
  /** The time at which the person registered, or null. */
  readonly used: number | null;
  /** The time at which the invitation was taken back, or null. */
  readonly removed: number | null;
}

/** A text that might be an API key, and its owner. */
export interface InspectedApiKey {
  /** False: the text is no key of this brand, or was cut or mistyped. */
  readonly form: boolean;
  /** Null: no key in the database has this text. It was ended, or was never one. */
  readonly api_key: ApiKeyView | null;
  /** The id of its owner, or null. */
  readonly user: string | null;
  /** The login of its owner when the key was created, or the name of the service, or null. */
  readonly login: string | null;
  /** False also for a key that has expired, or whose owner is gone or disabled. */
  readonly good: boolean;
}

/** A service account to create. */
export interface NewService<S extends string = string> {
  /** 1 to 64 of `a-z 0-9 . -`, the first one a letter or a digit. */
  readonly name: string;
  /** Scopes of roles, `ampho:introspect` and `ampho:exchange`. */
  readonly scopes: readonly (S | "ampho:introspect" | "ampho:exchange")[];
  /** With it, users can connect their accounts to the service. By default they cannot. */
  readonly client?: NewClient<S> | undefined;
}

/** A client to which users connect their accounts (docs/guides/connect.md). */
export interface NewClient<S extends string = string> {
  /** Its redirect URIs, compared as text. On the loopback interface the port does not count (RFC 8252 §7.3). */
  readonly redirects: readonly string[];
  /** The scopes of its users that it can get. */
  readonly userScopes: readonly S[];
  /** It has no key, as a program on the user's computer. Default: false. */
  readonly public?: boolean | undefined;
}

/** A service account with its keys. */
export interface ServiceDetail extends ServiceView {
  /** Its API keys, the oldest first. Each has all scopes of the service. */
  readonly api_keys: readonly ApiKeyView[];
}

/** The second factors of a user. */
export interface FactorsView {
  /** The policy of this user alone. Null: that of the user's roles. */
  readonly policy: Policy | null;
  /** The policy of the roles in whose place an operator has set a weaker one, with a reason. Null: there is none. */
  readonly insteadOf: Policy | null;
  /** The factors that the user has. */
  readonly factors: readonly FactorView[];
}

/** The second factors to remove. `reason` is for the audit log. */
export type FactorRemovalTarget =
  /** `totp`, `recovery_code` or the id of a passkey. */
  | {
      /** `totp`, `recovery_code` or the id of a passkey. */
      readonly id: string;
      /** The reason, for the audit log. */
      readonly reason?: string | undefined;
    }
  | {
      /** Removes every second factor. */
      readonly all: true;
      readonly reason?: string | undefined;
    };

/** An identity that logs the user in. Times are Unix seconds. */
export interface IdentityView {
  /** The id, for `identities.unlink`. */
  readonly id: string;
  /** The name of the provider in the configuration. */
  readonly provider: string;
  /** The issuer, as the provider writes it. */
  readonly issuer: string;
  /** The account at the provider, which the provider never gives to another person. */
  readonly subject: string;
  /** The address that the provider reported last. */
  readonly email: string | null;
  /** The time of the link, in Unix seconds. */
  readonly created: number;
  /** The time of the last login with it, in Unix seconds, or null. */
  readonly used: number | null;
}

/** `reason` is for the audit log. */
export interface IdentityTarget {
  readonly id: string;
  readonly reason?: string | undefined;
}

/** `id`: that of a user, in place of the login. */
export type ClearTarget =
  | { readonly login: string }
  | { readonly address: string }
  | { readonly all: true }
  | { readonly id: string };

/** A mail of the outbox. Its address and its text are never shown. */
export interface MailView {
  /** The number of the mail. */
  readonly id: number;
  /** The kind of mail (docs/guides/mail.md). */
  readonly kind: string;
  /** Null where no user has the address yet. */
  readonly userId: string | null;
  /** The time from which it can be sent, in Unix seconds as the other times. */
  readonly created: number;
  /** The number of attempts so far. */
  readonly attempts: number;
  /** The time of the next attempt. Null after the mail was sent or dropped. */
  readonly next: number | null;
  /** The time at which a mail server took the mail, or null. */
  readonly sent: number | null;
  /** The reason of the last failed attempt, or null. */
  readonly failure: string | null;
}

/**
 * A value of the wrong type or an unknown member rejects with `invalid_request`. The message names the argument, and
 * `details.field` the member. `S` are the scopes of the roles.
 */
export interface Management<S extends string = string> {
  /**
   * Users of the database, each named by a login in any spelling, `{ login }` or `{ id }`. Where the application keeps
   * its own user table, only `find`, `findById`, `findMany` and `expirePassword` work, and the others reject with
   * `not_found`.
   */
  readonly users: {
    /**
     * Creates a user. Rejects with `login_taken`, `email_taken`, `invalid_request` (a login, address or role that is
     * not allowed) or `password_rejected` (`details.reason` is the rule).
     * @example await ampho.users.create({ login: "bob", password, roles: ["editor"] });
     */
    create(user: NewUser): Promise<UserView>;
    /**
     * Finds a user by login. Resolves to undefined if there is none.
     * @example const user = await ampho.users.find("alice");
     */
    find(user: string | UserRef): Promise<UserView | undefined>;
    /**
     * Finds a user by id, which is `auth.id` of a request. Resolves to undefined if there is none. An application's own
     * table is asked by its `findById`, without which this rejects with `not_found`.
     * @example const user = await ampho.users.findById(id);
     */
    findById(id: string): Promise<UserView | undefined>;
    /**
     * Everything that can still sign in to the account or act for it, with date, address and browser of its origin as
     * long as the audit log is kept. Rejects with `not_found`.
     * @example const { access } = await ampho.users.access("alice");
     */
    access(user: string | UserRef): Promise<AccessView>;
    /**
     * Finds the users of these ids with one query, for a list with their names. Resolves to a map from id to user,
     * without ids that no user has. An application's own table is asked by its `findMany`, or else by its `findById`.
     * @example
     * const authors = await ampho.users.findMany(notes.map(({ userId }) => userId));
     * for (const { text, userId } of notes) console.log(text, authors.get(userId)?.login ?? "a deleted user");
     */
    findMany(ids: readonly string[]): Promise<ReadonlyMap<string, UserView>>;
    /**
     * All users, in the order of their logins. Reads one page at a time.
     * @example for await (const { login } of ampho.users.list()) console.log(login);
     */
    list(): AsyncIterable<UserView>;
    /**
     * Sets a password and ends the user's sessions. With `undefined` the user has no password afterwards. Rejects with
     * `not_found` or `password_rejected`.
     * @example await ampho.users.setPassword("alice", newPassword);
     */
    setPassword(user: string | UserRef, password: string | undefined): Promise<void>;
    /**
     * Expires the password, after a copy of the database was stolen: ends the user's sessions, and the old password
     * works no more. The user sets a new one by `POST /password/reset`. Nothing is mailed. Resolves to false for a user
     * without a password. `reason` is for the audit log. Also for an application's own table with `setPassword`.
     * Rejects with `not_found` (no such user, no `setPassword`, or no AMPHO_APP_URL, without which no user gets a
     * mail).
     * @example await ampho.users.expirePassword("alice", { reason: "The password was in a leak." });
     */
    expirePassword(user: string | UserRef, options?: { readonly reason?: string | undefined }): Promise<boolean>;
    /**
     * The same for all users. Ends every session first, with one revocation, those of users without a password too.
     * Then each step changes a batch of users, in the order of their logins. An interrupted call is continued with the
     * `next` of its last batch as `after`, and then ends no sessions again.
     * @example
     * for await (const { expired, next } of ampho.users.expirePasswords({ reason: "A backup was stolen." }))
     *   console.log(expired, next);
     */
    expirePasswords(options?: {
      readonly reason?: string | undefined;
      readonly after?: string | undefined;
    }): AsyncIterable<ExpiredPasswords>;
    /**
     * Sets the address to which mails go. It is unproven until the user proves it. With `undefined` the user has no
     * address afterwards. An account with a mailbox (a proven address, or one that was set with a reason) needs a
     * `reason`, for the audit log. Then its sessions end, and the former mailbox gets a last notice. So a page for
     * users cannot use it, and uses `POST /account/email`. Rejects with `not_found`, `email_taken` or
     * `invalid_request`.
     * @example await ampho.users.setEmail("alice", "alice@example.org", { reason: "ticket 4711" });
     */
    setEmail(
      user: string | UserRef,
      email: string | undefined,
      options?: { readonly reason?: string | undefined },
    ): Promise<void>;
    /**
     * Mails an invitation to register (docs/guides/mail-flows.md). It lasts seven days. Rejects with
     * `registration_closed`, `email_taken` if a user has the address, `invalid_request`, or `not_found` without
     * AMPHO_APP_URL.
     * @example const { id } = await ampho.users.invite({ email, roles: ["editor"], invitedBy: auth.id });
     */
    invite(invitation: NewInvitation): Promise<{ readonly id: string; readonly until: number }>;
    /** Invitations to register. */
    readonly invitations: {
      /**
       * The newest `limit` invitations (1000), in the order in which they were created.
       * @example const invitations = await ampho.users.invitations.list({ limit: 100 });
       */
      list(options?: { readonly limit?: number | undefined }): Promise<readonly InvitationView[]>;
      /**
       * Takes an invitation back. Resolves to false if there is none that can still be used.
       * @example const removed = await ampho.users.invitations.remove(id);
       */
      remove(id: string): Promise<boolean>;
    };
    /**
     * Imports users from JSON Lines (docs/guides/importing.md), all of them or none. `input` is a Readable, or an
     * iterable of chunks or of lines. Rejects with `invalid_request` for wrong lines (the message names the first), and
     * with any error of `input`.
     * @example await ampho.users.import(createReadStream("users.jsonl"), { dryRun: true });
     */
    import(input: ImportInput, options?: ImportOptions): Promise<ImportReport>;
    /**
     * Counts the users per format of password hash, the most frequent first.
     * @example for (const { format, users } of await ampho.users.countHashFormats()) console.log(format, users);
     */
    countHashFormats(): Promise<readonly HashFormatCount[]>;
    /**
     * Sets all roles, or adds some and removes others. A removed role has no effect in any process after one second.
     * Rejects with `not_found` or `invalid_request`.
     * @example await ampho.users.setRoles("alice", { add: ["editor"], remove: ["reader"] });
     */
    setRoles(user: string | UserRef, roles: readonly Role[] | RoleChange): Promise<UserView>;
    /**
     * Everything that the database has about a user, without secrets and keys, as `GET /account/export` returns it.
     * Rejects with `not_found`.
     * @example await writeFile("alice.json", JSON.stringify(await ampho.users.export("alice")));
     */
    export(user: string | UserRef): Promise<AccountExport>;
    /**
     * Ends the user's sessions. The user cannot sign in until `enable`. Rejects with `not_found`.
     * @example await ampho.users.disable("alice");
     */
    disable(user: string | UserRef): Promise<void>;
    /**
     * Lets a disabled user sign in again. Rejects with `not_found`.
     * @example await ampho.users.enable("alice");
     */
    enable(user: string | UserRef): Promise<void>;
    /**
     * Deletes the user and ends the user's sessions. Rejects with `not_found`.
     * @example await ampho.users.remove("alice");
     */
    remove(user: string | UserRef): Promise<void>;
  };
  /** Sessions of users of the database, or of the application's own user table, each named by the id or `{ login }`. */
  readonly sessions: {
    /**
     * The user's live sessions, the newest first.
     * @example const sessions = await ampho.sessions.list(user.id);
     */
    list(user: string | UserRef): Promise<readonly Omit<SessionView, "current">[]>;
    /**
     * The ids of the users that a login means: the user of the database, or where the application keeps its own user
     * table the users with sessions under this login. Rejects with `not_found` if there is none.
     * @example const [userId] = await ampho.sessions.findUserIds("alice");
     */
    findUserIds(login: string): Promise<readonly string[]>;
    /**
     * Ends a session. Resolves to false if there is no such live session.
     * @example const ended = await ampho.sessions.end(sessionId);
     */
    end(sessionId: string): Promise<boolean>;
    /**
     * Ends the user's sessions, and the remembering of the user's devices. Resolves to the number of sessions.
     * @example const count = await ampho.sessions.endForUser(user.id);
     */
    endForUser(user: string | UserRef): Promise<number>;
    /**
     * Ends the user's sessions and API keys, and revokes all other tokens issued to the user before. That includes
     * tokens of other software with the key, without a session, that name the user by `sub` or by `login` in any
     * spelling. It does not prevent a new login: it is for an application's own user table, which disables the user
     * first. Users of the database are disabled or removed, which does the same.
     * @example await ampho.sessions.revokeForUser({ id: user.id, login: user.login });
     */
    revokeForUser(user: { readonly id: string; readonly login: string }): Promise<void>;
    /**
     * Ends every session of every user, and revokes every other token issued before. API keys go on, unless `apiKeys`
     * is true.
     * @example await ampho.sessions.endForEveryone({ apiKeys: true });
     */
    endForEveryone(options?: { readonly apiKeys?: boolean | undefined }): Promise<void>;
  };
  /**
   * API keys of users (docs/guides/api-keys.md). A `user` is one of the database, or of the application's own user
   * table. Without AMPHO_SECURITY_API_KEYS, `create` and `rotate` reject with `not_found`.
   */
  readonly apiKeys: {
    /**
     * Creates a key, which only this result has. Rejects with `not_found` for an unknown or disabled user. Rejects with
     * `invalid_request` for scopes that the user does not have, a wrong end, and one key too many.
     * @example const { key } = await ampho.apiKeys.create(user.id, { name: "Backup", scopes: ["articles:read"] });
     */
    create(user: string | UserRef, key: ApiKeyOptions<S>): Promise<NewApiKey>;
    /**
     * The keys of a user or of a service account, the oldest first.
     * @example const keys = await ampho.apiKeys.list(user.id);
     */
    list(user: string | UserRef): Promise<readonly ApiKeyView[]>;
    /**
     * Creates a successor with the same name and scopes. The old key ends after `overlap` seconds, at most 7 days and
     * by default at once. A key is rotated once. Rejects like `create`, and with `not_found` for a key that the user
     * does not have.
     * @example const { key } = await ampho.apiKeys.rotate(user.id, { id, overlap: 3600 });
     */
    rotate(
      user: string | UserRef,
      key: { readonly id: string; readonly overlap?: number | undefined },
    ): Promise<NewApiKey>;
    /**
     * Ends a key. After one second every process rejects it. Resolves to false if there is none with this id.
     * @example const ended = await ampho.apiKeys.revoke(id);
     */
    revoke(id: string): Promise<boolean>;
    /**
     * Ends all keys of a user or of a service account. Resolves to their number.
     * @example const count = await ampho.apiKeys.revokeForUser(user.id);
     */
    revokeForUser(user: string | UserRef): Promise<number>;
    /**
     * Ends every key of every user, for example after a stolen backup of a secret store.
     * @example await ampho.apiKeys.revokeForEveryone();
     */
    revokeForEveryone(): Promise<void>;
    /**
     * Finds the owner of a key, such as one that was found in a public repository.
     * @example const { api_key, login, good } = await ampho.apiKeys.inspect(found);
     */
    inspect(key: string): Promise<InspectedApiKey>;
  };
  /** Connections of users to applications (docs/guides/connect.md). A `client` is named by its name or its id. */
  readonly connections: {
    /**
     * The live connections of a user, the newest first.
     * @example const connections = await ampho.connections.list(user.id);
     */
    list(user: string | UserRef): Promise<readonly ConnectionView[]>;
    /**
     * Those of a client with their users, the oldest first.
     * @example for await (const { login } of ampho.connections.listForClient("reader")) console.log(login);
     */
    listForClient(client: string): AsyncIterable<ConnectionView & { readonly userId: string; readonly login: string }>;
    /**
     * Ends a connection. Resolves to false if there is no such live connection.
     * @example const ended = await ampho.connections.end(id);
     */
    end(id: string): Promise<boolean>;
    /**
     * Ends all connections of a user. Resolves to their number.
     * @example const count = await ampho.connections.endForUser(user.id);
     */
    endForUser(user: string | UserRef): Promise<number>;
    /**
     * Ends those of a client. Users can connect again. Call it again if it was cut off.
     * @example await ampho.connections.endForClient("reader");
     */
    endForClient(client: string): Promise<void>;
  };
  /**
   * Service accounts (docs/guides/services.md), each named by its name or its id. No route creates or changes one.
   * `find` resolves to undefined for an unknown one, and the others reject with `not_found`. Every change ends the
   * access tokens of the service within a second.
   */
  readonly services: {
    /**
     * Creates a service account. Rejects with `invalid_request` for a name that is taken or not allowed, and for a
     * scope that no role has.
     * @example const { id } = await ampho.services.add({ name: "nightly", scopes: ["articles:read"] });
     */
    add(service: NewService<S>): Promise<ServiceView>;
    /**
     * All service accounts, in the order of their names.
     * @example const services = await ampho.services.list();
     */
    list(): Promise<readonly ServiceView[]>;
    /**
     * Finds a service account with its keys. The id is `auth.id` of its requests.
     * @example const service = await ampho.services.find("nightly");
     */
    find(service: string): Promise<ServiceDetail | undefined>;
    /**
     * Replaces the scopes. Its keys have the new ones at once. Rejects like `add`.
     * @example await ampho.services.setScopes("nightly", ["articles:read", "articles:write"]);
     */
    setScopes(service: string, scopes: NewService<S>["scopes"]): Promise<void>;
    /**
     * Makes it a client to which users connect their accounts (docs/guides/connect.md), or with `undefined` none. A
     * redirect URI that it has no more, and another way to authenticate, end its connections. Rejects like `add`.
     * @example
     * const redirects = ["https://reader.example/callback"];
     * await ampho.services.setClient("reader", { redirects, userScopes: ["articles:read"] });
     */
    setClient(service: string, client: NewClient<S> | undefined): Promise<void>;
    /**
     * Rejects its keys and assertions until `enable`.
     * @example await ampho.services.disable("nightly");
     */
    disable(service: string): Promise<void>;
    /**
     * Accepts its keys and assertions again. A process that has just rejected a key does so for 5 more seconds.
     * @example await ampho.services.enable("nightly");
     */
    enable(service: string): Promise<void>;
    /**
     * Deletes the service account with its keys.
     * @example await ampho.services.remove("nightly");
     */
    remove(service: string): Promise<void>;
    /**
     * Creates a key, which only this result has. `name` is by default that of the service, and `expires` in 90 days.
     * `apiKeys.revoke` ends it. Rejects with `not_found` also without AMPHO_SECURITY_TOKEN_ENDPOINT, and with
     * `invalid_request` for a wrong end.
     * @example const { key } = await ampho.services.createApiKey("nightly", { name: "Server 2" });
     */
    createApiKey(
      service: string,
      key?: { readonly name?: string | undefined; readonly expires?: number | undefined },
    ): Promise<NewApiKey>;
    /**
     * Sets the public keys (a JWK Set) that verify assertions of the service, in place of the old ones. With
     * `undefined` it has none. Rejects with `invalid_request` for a key that is private, symmetric or of no known type.
     * @example await ampho.services.setPublicKeys("nightly", undefined);
     */
    setPublicKeys(service: string, set: object | undefined): Promise<ServiceView>;
  };
  /**
   * Second factors (docs/operate/second-factors.md). A user is named by the id, `{ id }` or `{ login }`, as in
   * `identities`, `devices` and `sessions`. A user who is not in the database rejects with `not_found`.
   */
  readonly factors: {
    /**
     * The second factors of a user, and the policy that was set for this user alone.
     * @example const { factors } = await ampho.factors.list(user.id);
     */
    list(user: string | UserRef): Promise<FactorsView>;
    /**
     * Removes a second factor or all, and ends the user's sessions. The recovery codes go with the last other factor.
     * Rejects with `not_found` if there is none.
     * @example await ampho.factors.remove(user.id, { all: true, reason: "The phone was lost. Checked by a call." });
     */
    remove(user: string | UserRef, target: FactorRemovalTarget): Promise<void>;
    /**
     * Sets the policy of one user. Of this policy and that of the roles the stricter one counts. A weaker one needs
     * `reason`, without which the call rejects with `invalid_request`. It counts in place of the present policy of the
     * roles, and not of a stricter one. `default` is the policy of the roles alone.
     * @example await ampho.factors.setPolicy(user.id, "required");
     */
    setPolicy(
      user: string | UserRef,
      policy: Policy | "default",
      options?: { readonly reason?: string | undefined },
    ): Promise<void>;
    /**
     * The id of the user of the database with this login. Where the application keeps its own user table, only the
     * application knows the logins, so `login` must be the id. Rejects with `not_found`.
     * @example const userId = await ampho.factors.findUserId("alice");
     */
    findUserId(login: string): Promise<string>;
  };
  /** Identities at outside providers (docs/guides/providers.md). A user is named as for `factors`. */
  readonly identities: {
    /**
     * The identities of a user at outside providers.
     * @example const identities = await ampho.identities.list(user.id);
     */
    list(user: string | UserRef): Promise<readonly IdentityView[]>;
    /**
     * Unlinks an identity, and ends the user's sessions. Rejects with `not_found` if the user does not have it.
     * @example await ampho.identities.remove(user.id, { id, reason: "The account at the provider was stolen." });
     */
    remove(user: string | UserRef, target: IdentityTarget): Promise<void>;
  };
  /** Devices that users asked to remember. */
  readonly devices: {
    /**
     * No device of the user is remembered any more, so the next login asks for the second factor. The sessions go on.
     * @example await ampho.devices.forget(user.id);
     */
    forget(user: string | UserRef): Promise<void>;
  };
  /** Signing keys. */
  readonly signingKeys: {
    /**
     * Revokes a stolen key: after one second every process rejects, for good, all that it signed.
     * @example await ampho.signingKeys.revoke(kid);
     */
    revoke(kid: string): Promise<void>;
    /**
     * Reads which keys are revoked, and how many TOTP secrets are under each key.
     * @example const { revoked, totpSecrets } = await ampho.signingKeys.readUse();
     */
    readUse(): Promise<SigningKeyUse>;
    /**
     * Records a forced stage of a key rotation (docs/operate/signing-keys.md) in the audit log. `kids` are the keys of
     * the stage. Resolves to the time of the entry in Unix seconds.
     * @example const at = await ampho.signingKeys.recordForced("activate", [kid], "The old key was stolen.");
     */
    recordForced(stage: "activate" | "retire", kids: readonly string[], reason: string): Promise<number>;
  };
  /** Lockouts and waits of the throttle (docs/operate/throttling.md). Both functions are recorded in the audit log. */
  readonly throttle: {
    /**
     * Lists the logins and addresses that must wait, the longest wait first. `limit` is 1000 by default.
     * @example const lockouts = await ampho.throttle.list({ limit: 100 });
     */
    list(options?: { readonly limit?: number }): Promise<readonly Lockout[]>;
    /**
     * Forgets the failures of an existing account (`login` or `id`), of an IP address and its network, or all. Resolves
     * to the number of counters.
     * @example await ampho.throttle.clear({ login: "alice" });
     */
    clear(target: ClearTarget): Promise<number>;
  };
  /** Mails (docs/guides/mail.md). */
  readonly mail: {
    /**
     * The newest `limit` mails of the outbox (1000), in the order in which they were written, without their addresses.
     * @example const mails = await ampho.mail.list({ limit: 100 });
     */
    list(options?: { readonly limit?: number | undefined }): Promise<readonly MailView[]>;
    /**
     * Sends a test mail now. `report` gets a sentence for each step. Rejects with `invalid_request` for the address,
     * `not_found` if no mail can be sent, and `unavailable` with the reason.
     * @example await ampho.mail.test("operator@example.org", console.log);
     */
    test(email: string, report?: (step: string) => void): Promise<void>;
  };
  /** Old rows: ended sessions, expired revocations, and entries past their time. */
  readonly housekeeping: {
    /**
     * Deletes old rows now, as the background does. Resolves to the number of rows of each kind. Calls `onWait` if it
     * has to wait for another process that does the same.
     * @example
     * const counts = await ampho.housekeeping.run({ onWait: () => console.log("Another process does it now.") });
     */
    run(options?: { readonly onWait?: () => void }): Promise<DeletedCounts>;
  };
  /** The audit log (docs/reference/audit-events.md). */
  readonly audit: {
    /**
     * The newest `limit` entries (1000), in the order in which they were written. `since` is in Unix seconds. `id` is
     * the id of a user who exists, in place of `login`.
     * @example const rows = await ampho.audit.list({ login: "alice", since: 1_800_000_000, limit: 100 });
     */
    list(filter?: {
      readonly login?: string | undefined;
      readonly id?: string | undefined;
      readonly since?: number | undefined;
      readonly limit?: number | undefined;
    }): Promise<readonly AuditRow[]>;
  };
}
