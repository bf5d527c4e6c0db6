// The table of commands. Parsing, --help and docs/reference/cli.md are derived from it. A row loads the function of its
// command when it runs, so sec-gen-key loads no database.
import { optionName, parameters } from "../config/parameters.js";
import { algorithmNames } from "../signing-keys/algorithms.js";
import { type CommandOption, command, flag, valued } from "./command.js";

const login = { name: "LOGIN", help: "The login name of the user, or with --id the id." };
const user = {
  name: "LOGIN",
  help: "The login name of the user, or the id if the application keeps its own user table.",
};
const byId = flag("--id", { help: "LOGIN is the id of the user and not the login." });
/** The argument of the commands for one service account. */
export const service = { name: "NAME", help: "The name or the id of the service account." };
const scope = (help: string): CommandOption => valued("--scope", "S", { repeats: true, help });
const json = flag("--json", { help: "Print the result as one line of JSON." });
const passwordStdin = flag("--password-stdin", {
  help: "Read the password from stdin. One newline at the end is removed.",
});
const alg = (defaultText: string): CommandOption =>
  valued("--alg", "ALG", {
    choices: algorithmNames.filter((name) => name !== "Ed25519"),
    help: `The algorithm of the new key. Default: ${defaultText}.`,
  });
const clientOptions: readonly CommandOption[] = [
  valued("--redirect", "URI", {
    repeats: true,
    help: "A redirect URI. On the loopback interface the port does not count.",
  }),
  valued("--user-scope", "S", { repeats: true, help: "A scope that users can give to it." }),
  { name: "--public", help: "It has no key, as a program on the user's computer." },
];
const connectionsOf = [
  valued("--login", "LOGIN", { help: "Those of this user (the id with an own user table)." }),
  valued("--client", "NAME", { help: "Those of this service account." }),
];
const role = (name: `--${string}`, help: string): CommandOption => ({ name, value: "R", repeats: true, help });
const fromParameter = (name: "AMPHO_HOST" | "AMPHO_PORT"): CommandOption => ({
  name: `--${optionName(name)}`,
  value: optionName(name).toUpperCase(),
  help: `Overrides ${name}. ${parameters[name].help} Default: ${parameters[name].default}.`,
});

const users = () => import("./commands/users.js");
const keys = () => import("./commands/signing-keys/signing-keys.js");
const factors = () => import("./commands/factors.js");
const apiKeys = () => import("./commands/api-keys.js");
const connections = () => import("./commands/connections.js");
const services = () => import("./commands/services.js");
const invitations = () => import("./commands/invitations.js");
const mail = () => import("./commands/mail.js");
const sessions = () => import("./commands/sessions.js");
const throttle = () => import("./commands/throttle.js");
const migrations = () => import("./commands/migrations.js");

export const commands = [
  command("init", async () => (await import("./commands/init.js")).init, {
    database: "none",
    summary: "set up a project: key, .env, .gitignore, ampho.config.js",
    help: "Writes a key file that only its owner can read, an `.env` that names it, and lines in `.gitignore`. In a project that has installed Ampho it also writes `ampho.config.js` (docs/reference/configuration.md). It asks for nothing and never overwrites anything, and a second run only adds what is missing. Last it prints the next step for the framework in `package.json`.",
  }),
  command("sec-gen-key", async () => (await keys()).generateKey, {
    database: "none",
    withoutConfiguration: true,
    summary: "create a key and print it as a JWK",
    help: "Prints a new private JWK as one line of JSON with `kty`, `alg` and `kid` (the RFC 7638 thumbprint). Use it as the value of AMPHO_SECURITY_KEY.",
    takes: [
      alg("HS256"),
      valued("--output", "FILE", {
        short: "-o",
        help: "Write the key to a new file that only its owner can read. An existing file stays unchanged.",
      }),
    ],
    example: "-o key.json",
  }),
  command("sec-rotate-key", async () => (await import("./commands/signing-keys/rotate.js")).rotateSigningKey, {
    database: "changes",
    summary: "print the key set to configure next: a new key before the old ones",
    help: "Takes the configured key, or a JWK or JWK Set on stdin, and prints the JWK Set to configure next. Its first key is new and signs. The old keys stay in the set to verify what they signed. If several processes or other services verify tokens, use the stages of docs/operate/signing-keys.md instead. `next` adds a key, `activate` lets it sign unless it was revoked, and `retire` removes keys that are no longer needed or are revoked. A stage that is run too early ends with exit code 1 and changes nothing.",
    takes: [
      alg("that of the key that signs now"),
      valued("--keep", "N", {
        help: "Keep only the newest N of the old keys. Default: all. TOTP secrets under a key that goes are lost.",
      }),
      valued("--stage", "STAGE", { choices: ["next", "activate", "retire"], help: "Run one stage of a rotation." }),
      flag("--in-place", {
        help: "Replace the file that AMPHO_SECURITY_KEY_FILE names instead of printing the set. The file keeps its mode.",
      }),
      flag("--force", {
        help: "With --stage activate or retire: do not wait. The audit log records it with the reason.",
      }),
      valued("--reason", "TEXT", { help: "The reason for --force, which requires one." }),
    ],
    example: "--stage next --in-place",
  }),
  command("sec-public-keys", async () => (await keys()).printPublicKeys, {
    database: "none",
    summary: "print the public keys as a JWK Set",
    help: "Prints the public part of the configured keys for services that verify tokens. It never contains a secret (`oct`) key.",
  }),
  command("sec-revoke-key", async () => (await import("./commands/signing-keys/revoke.js")).revokeKeys, {
    database: "changes",
    summary: "reject everything that a stolen key signed",
    help: "Give exactly one of KID and --all. Within a second every process rejects what the key signed. A process that signs with it returns 503 to login and renew until it has another key. A revocation cannot be undone.",
    takes: [
      { name: "KID", help: "The `kid` of the key.", optional: true },
      flag("--all", { help: "Revoke every configured key, for example after the whole key file was stolen." }),
      flag("--force", { help: "Also revoke a `kid` that is not configured here." }),
    ],
    example: "--force elsewhere",
  }),
  command("sec-inspect-token", async () => (await import("./commands/inspect-token.js")).inspectToken, {
    database: "none",
    summary: "print a token and whether it would be accepted",
    help: "Reads a token from stdin and prints its header and claims, and whether it would be accepted now. If not, it prints the reason and ends with exit code 1. It never prints the token itself.",
    takes: [json],
    example: "--json < token.txt",
  }),
  command("serve", async () => (await import("./commands/serve/serve.js")).serveCommand, {
    database: "creates",
    summary: "run the server",
    help: "Serves the REST API, /healthz and /readyz, and prints its URL on stdout when it is ready. SIGTERM and SIGINT let running requests finish before the server ends. SIGHUP reads the key file at once.",
    takes: [
      fromParameter("AMPHO_HOST"),
      fromParameter("AMPHO_PORT"),
      valued("--log", "FORM", { choices: ["text", "json"], help: "The form of the log on stderr. Default: text." }),
    ],
    example: "--host 0.0.0.0 --port 8080 --log json",
    showsParameters: true,
  }),
  command("user-add", async () => (await users()).addUser, {
    database: "creates",
    summary: "create a user",
    help: "Asks for a password on a terminal. An account without a password cannot sign in with one. It is created if the typed password is empty, or if there is no terminal and no --password-stdin.",
    takes: [
      { name: "LOGIN", help: "The login name of the user." },
      passwordStdin,
      role("--role", "A role of the user. Repeat the option for several roles."),
      valued("--email", "ADDRESS", { help: "The address to which mails go. Default: the login, if it is an address." }),
    ],
    example: "alice --password-stdin --role editor --role reader",
  }),
  command("user-list", async () => (await users()).printUsers, {
    database: "reads",
    summary: "list the users",
    help: "Lists the users in the order of their logins. With --json it prints an array of `{id,login,roles,disabled,email,emailProven}`.",
    takes: [json],
  }),
  command("user-show", async () => (await users()).showUser, {
    database: "reads",
    summary: "show one user",
    help: "Prints the id, login, state and roles of the user, and the address to which mails go. With --json it prints `{id,login,roles,disabled,email,emailProven}`.",
    takes: [login, byId, json],
    example: "bob --json",
  }),
  command("user-access", async () => (await users()).showAccess, {
    database: "reads",
    summary: "list everything that can still sign in as a user or act for the user",
    help: "Read it with the user in a dispute, before user-recover. Date, address and browser are those of the time at which something was added, as long as the audit log is kept. With --json it prints `{access,weaker_policy}`.",
    takes: [login, byId, json],
    example: "bob",
  }),
  command("user-password", async () => (await users()).changeUserPassword, {
    database: "changes",
    summary: "set a user's password",
    help: "Asks for the new password on a terminal, or reads it with --password-stdin. Every session of the user ends.",
    takes: [login, byId, passwordStdin],
    example: "bob --password-stdin",
  }),
  command("user-expire-password", async () => (await import("./commands/expire-passwords.js")).expirePasswords, {
    database: "changes",
    summary: "let users set a new password, after their hashes were stolen",
    help: "Give exactly one of LOGIN, --all and --file. The old passwords work no more, and the sessions of these users end. Each user sets a new password by a mailed link (forgotten password). The command mails nothing. It prints the users who have no address and cannot do that, for `user-recover --print`. Users without a password are not changed. With --all every session ends first, also of users without a password, and the passwords follow in batches. If the command is interrupted, its last line has the --after from which it goes on.",
    takes: [
      { name: "LOGIN", help: "The login name of the user, or with --id the id.", optional: true },
      byId,
      flag("--all", { help: "Every user." }),
      valued("--after", "LOGIN", { help: "With --all, the users behind this login. It ends no sessions again." }),
      valued("--file", "FILE", { help: "The users of a file, one login or with --id one id on a line. - is stdin." }),
      valued("--reason", "TEXT", { help: "The reason, for the audit log. The command requires one." }),
      json,
    ],
    example: '--all --reason "A backup was stolen."',
  }),
  command("user-email", async () => (await users()).changeUserEmail, {
    database: "changes",
    summary: "set the address to which a user's mails go",
    help: "The address is not proven until the user has used a code or a link that was mailed to it. An account with a mailbox needs --reason. Its sessions end, and the former mailbox gets a last notice, whose links overturn nothing. An empty ADDRESS deletes the address.",
    takes: [
      login,
      { name: "ADDRESS", help: "The new address." },
      byId,
      valued("--reason", "TEXT", { help: "The reason, for an account with a mailbox." }),
    ],
    example: "carol carol@example.org",
  }),
  command("user-recover", async () => (await import("./commands/signing-keys/keyring.js")).recoverUser, {
    database: "changes",
    summary: "let a user set a new password who has lost the means to sign in",
    help: "Mails a link to the user. It leads to a new password, and works for ten minutes. The command prints a number of two digits for which the link asks. Give the number to the user after you have checked who asks (docs/operate/recovery.md). A user with a second factor must also prove that factor. A user with a proven address gets a notice at once. The command needs the keys. A running server sends the mail.",
    takes: [
      login,
      byId,
      flag("--print", { help: "Print the link, to hand it over, and mail none." }),
      flag("--without-factors", {
        help: "The user has lost every second factor. They are removed with the new password. The link works from 24 hours later on.",
      }),
      valued("--email", "ADDRESS", {
        help: "In a dispute: set this address first. No way in opens the account until the link and the number are used. Then everything ends that a session has set up.",
      }),
      valued("--reason", "TEXT", { help: "The reason. The command requires one." }),
    ],
    example: "alice --reason 'lost phone'",
  }),
  command("user-invite", async () => (await invitations()).inviteUser, {
    database: "changes",
    summary: "invite a person to register",
    help: "Mails a link with which the person can register with this address (docs/guides/mail-flows.md). It lasts seven days. AMPHO_SECURITY_REGISTRATION must be `invite` or `open`. A running server sends the mail.",
    takes: [
      { name: "ADDRESS", help: "The address of the person." },
      role("--role", "A role of the new user. Repeat the option for several roles."),
    ],
    example: "Dan@example.org --role editor",
  }),
  command("invite-list", async () => (await invitations()).listInvitations, {
    database: "reads",
    summary: "list the invitations",
    help: "Lists the newest 1000 invitations in the order in which they were created. With --json it prints an array of `{id,email,roles,invitedBy,created,until,used,removed}`.",
    takes: [json],
  }),
  command("invite-remove", async () => (await invitations()).removeInvitation, {
    database: "changes",
    summary: "take an invitation back",
    help: "The link of the invitation does not work any more. A user who has registered stays.",
    takes: [
      {
        name: "ID",
        help: "The ID of the invitation, as invite-list prints it. Put -- before an ID that begins with -.",
      },
    ],
    example: "-- ID",
  }),
  command("user-disable", async () => (await users()).disableUser, {
    database: "changes",
    summary: "disable a user and end the user's sessions",
    help: "The user cannot sign in, and every session ends within a second. `user-enable` undoes it.",
    takes: [login, byId],
    example: "bob",
  }),
  command("user-enable", async () => (await users()).enableUser, {
    database: "changes",
    summary: "let a disabled user sign in again",
    help: "Sessions that ended when the user was disabled stay ended.",
    takes: [login, byId],
    example: "bob",
  }),
  command("user-delete", async () => (await users()).userDelete, {
    database: "changes",
    summary: "delete a user",
    help: "Every session of the user ends within a second. The audit log keeps its entries.",
    takes: [login, byId],
    example: "bob",
  }),
  command("user-roles", async () => (await users()).changeRoles, {
    database: "changes",
    summary: "print or change a user's roles",
    help: "Prints the roles, one per line, after the change if there is one. A removed role has no effect after one second, also in tokens that were issued before.",
    takes: [
      login,
      byId,
      role("--add", "A role to add. Repeat the option for several roles."),
      role("--remove", "A role to remove. Repeat the option for several roles."),
      json,
    ],
    example: "alice --add admin --add reader --remove editor",
  }),
  command("user-export", async () => (await users()).exportUser, {
    database: "reads",
    summary: "print everything about a user as JSON",
    help: "Prints what `GET /account/export` returns: the account, passkeys, identities, live sessions, and the newest 1000 entries of the audit log, without secrets and keys. The audit log records the command.",
    takes: [login, byId],
    example: "alice",
  }),
  command("user-import", async () => (await import("./commands/import-users.js")).importUsers, {
    database: "creates",
    summary: "import users with the password hashes of other systems",
    help: 'Reads JSON Lines such as `{"login":"alice","password_hash":"$2b$…","roles":["reader"]}` and imports all users or none. A wrong line, or a login that exists, is reported by its number with the reason. docs/guides/importing.md lists the members and the formats of hashes. A server can run meanwhile.',
    takes: [
      { name: "FILE", help: "The file, or - for stdin." },
      flag("--dry-run", { help: "Import nothing. Check every line and count the users per format." }),
    ],
    example: "--dry-run users.jsonl",
  }),
  command("user-hashes", async () => (await users()).countHashes, {
    database: "reads",
    summary: "count the users per format of password hash",
    help: "An imported hash is replaced by a current argon2id hash at the first correct login. With --json it prints an array of `{format,current,users}`, where `format` is null for users without a password.",
    takes: [json],
  }),
  command("session-list", async () => (await sessions()).listSessions, {
    database: "reads",
    summary: "list a user's sessions",
    help: "Lists the live sessions, the newest first. With --json it prints an array of `{id,created,renewed,expires,address,agent,amr,acr}`.",
    takes: [login, byId, json],
    example: "alice",
  }),
  command("session-end", async () => (await sessions()).endSessions, {
    database: "changes",
    summary: "end a session, a user's sessions, or every session",
    help: "Give exactly one of ID, --login, --user-id and --all. Tokens of an ended session are rejected within a second.",
    takes: [
      { name: "ID", help: "The ID of the session, as session-list prints it.", optional: true },
      valued("--login", "LOGIN", { help: "End every session of this user, and forget the user's remembered devices." }),
      valued("--user-id", "USER_ID", { help: "The same for the user with this id." }),
      flag("--all", { help: "End every session of every user. API keys go on." }),
      flag("--api-keys", { help: "With --all: end every API key too." }),
    ],
    example: "--login alice",
  }),
  command("factor-list", async () => (await factors()).listFactors, {
    database: "reads",
    summary: "list a user's second factors",
    help: "Lists passkeys and the other second factors by ID, and prints the policy of the user on stderr. With --json it prints `{policy,factors}`, where `policy` is null unless `factor-policy` set one.",
    takes: [user, byId, json],
    example: "alice --json",
  }),
  command("factor-remove", async () => (await factors()).removeFactors, {
    database: "changes",
    summary: "remove second factors of a user, for example after a phone was lost",
    help: "Give exactly one of ID and --all. Every session of the user ends, and no device is remembered any more. Recovery codes go with the last other factor. The audit log has the reason. Check first that the request comes from the user (docs/operate/second-factors.md).",
    takes: [
      user,
      {
        name: "ID",
        optional: true,
        help: "totp, recovery_code, or the ID of a passkey, as factor-list prints it. Put -- before an ID that begins with -.",
      },
      byId,
      flag("--all", { help: "Remove all of them." }),
      valued("--reason", "TEXT", { help: "The reason. The command requires one." }),
    ],
    example: "alice totp --reason 'The phone was lost.'",
  }),
  command("factor-policy", async () => (await factors()).setPolicy, {
    database: "changes",
    summary: "set the policy of one user",
    help: "Of the policy and that of the user's roles (AMPHO_SECURITY_FACTORS) the stricter one counts. A weaker one needs --reason, and then counts in place of the present one of the roles. The policy `default` is that of the roles alone. Sessions that have proven less end.",
    takes: [
      user,
      { name: "POLICY", choices: ["optional", "required", "phr", "default"], help: "The policy." },
      byId,
      valued("--reason", "TEXT", { help: "Why a weaker policy than that of the roles is enough." }),
    ],
    example: "alice required",
  }),
  command("factor-rekey", async () => (await import("./commands/signing-keys/keyring.js")).rekeyFactors, {
    database: "changes",
    summary: "move TOTP secrets to the key that signs",
    help: "Decrypts each stored TOTP secret with its key, also if that key is revoked, and encrypts it with the key that signs now. It needs the keys. It prints how many were moved, and ends with exit code 1 if some could not be decrypted. A server can run meanwhile.",
  }),
  command("identity-list", async () => (await factors()).listIdentities, {
    database: "reads",
    summary: "list a user's identities at outside providers",
    help: "With --json it prints an array of `{id,provider,issuer,subject,email,created,used}`.",
    takes: [user, byId, json],
    example: "alice",
  }),
  command("identity-remove", async () => (await factors()).removeIdentity, {
    database: "changes",
    summary: "unlink an identity of a user, for example after it was stolen",
    help: "The identity can no longer sign in, and every session of the user ends. The command also removes the last way to sign in. The audit log has the reason.",
    takes: [
      user,
      {
        name: "ID",
        help: "The ID of the identity, as identity-list prints it. Put -- before an ID that begins with -.",
      },
      byId,
      valued("--reason", "TEXT", { help: "The reason. The command requires one." }),
    ],
    example: "alice ID --reason 'The account was stolen.'",
  }),
  command("api-key-list", async () => (await apiKeys()).listApiKeys, {
    preview: true,
    database: "reads",
    summary: "list a user's API keys",
    help: "Lists the keys, the oldest first. A key that has expired stays in the list for 30 days. With --json it prints an array of `{id,start,name,scopes,created,expires,last_used}`.",
    takes: [user, byId, json],
    example: "alice",
  }),
  command("api-key-revoke", async () => (await apiKeys()).revokeApiKeys, {
    preview: true,
    database: "changes",
    summary: "end an API key, a user's keys, or every key",
    help: "Give exactly one of ID, --login and --all. An ended key is rejected within a second, and cannot come back.",
    takes: [
      { name: "ID", help: "The ID of the key, as api-key-list and api-key-inspect print it.", optional: true },
      valued("--login", "LOGIN", {
        help: "End every key of this user. Give the id if the application keeps its own user table.",
      }),
      flag("--all", { help: "End every key of every user." }),
    ],
    example: "--login alice",
  }),
  command("api-key-inspect", async () => (await apiKeys()).inspectApiKey, {
    preview: true,
    database: "reads",
    summary: "print whose API key it is and whether it would be accepted",
    help: "Reads an API key from stdin, such as one that was found in a public repository. If it would be rejected, the command prints the reason and ends with exit code 1. It never prints the key itself.",
    takes: [json],
    example: "< key.txt",
  }),
  command("connection-list", async () => (await connections()).listConnections, {
    preview: true,
    database: "reads",
    summary: "list connections",
    help: "Give exactly one of --login and --client. With --json it prints an array of `{id,client,name,resource,scopes,created,renewed,expires,address}`, and with --client also `userId` and `login`.",
    takes: [...connectionsOf, json],
    example: "--login alice",
  }),
  command("connection-end", async () => (await connections()).endConnections, {
    preview: true,
    database: "changes",
    summary: "end connections",
    help: "Give exactly one of ID, --login and --client. Users can connect again, unless service-disable comes first.",
    takes: [{ name: "ID", help: "The ID, as connection-list prints it.", optional: true }, ...connectionsOf],
    example: "--client reader",
  }),
  command("service-add", async () => (await services()).addService, {
    preview: true,
    database: "changes",
    summary: "create a service account, and print its id",
    help: "A service account is a program that calls the API, such as a nightly job. It has scopes and no roles. It gets keys from service-api-key, or proves its private key (service-jwk).",
    takes: [
      { name: "NAME", help: "A unique name: 1 to 64 of a-z, 0-9, . and -. It begins with a letter or a digit." },
      scope(
        "A scope of it. Repeat the option for several. `ampho:introspect` lets it ask POST /introspect, and `ampho:exchange` lets it exchange tokens of users.",
      ),
      ...clientOptions,
    ],
    example: "nightly --scope articles:read",
  }),
  command("service-client", async () => (await services()).setServiceClient, {
    preview: true,
    database: "changes",
    summary: "make a service account a client of users",
    help: "Users connect their accounts to it (docs/guides/connect.md). The options take the place of what it had. A redirect URI that is missing, and another way to authenticate, end its connections. With --none it is no client.",
    takes: [service, ...clientOptions, { name: "--none", help: "Users cannot connect to it any more." }],
    example: "reader --none",
  }),
  command("service-list", async () => (await services()).listServices, {
    preview: true,
    database: "reads",
    summary: "list the service accounts",
    help: "With --json it prints an array of `{id,name,scopes,disabled,created,kids,redirects,user_scopes,public}`.",
    takes: [json],
  }),
  command("service-show", async () => (await services()).showService, {
    preview: true,
    database: "reads",
    summary: "print a service account and its keys",
    help: "A key that has expired is shown for 30 days. With --json it prints the keys as api-key-list does.",
    takes: [service, json],
    example: "nightly",
  }),
  command("service-scopes", async () => (await services()).setServiceScopes, {
    preview: true,
    database: "changes",
    summary: "replace the scopes of a service account",
    help: "Its keys have the new scopes, and its access tokens end, within a second.",
    takes: [service, scope("A scope of it. Repeat the option for several. Without the option it has none.")],
    example: "nightly --scope articles:read --scope articles:write",
  }),
  command("service-disable", async () => (await services()).disableService, {
    preview: true,
    database: "changes",
    summary: "reject a service account, until service-enable",
    help: "Within a second its keys and access tokens are rejected, and it gets no new tokens.",
    takes: [service],
    example: "nightly",
  }),
  command("service-enable", async () => (await services()).enableService, {
    preview: true,
    database: "changes",
    summary: "accept a service account again",
    help: "Its keys work again, in some processes after 5 seconds. Its former access tokens stay rejected.",
    takes: [service],
    example: "nightly",
  }),
  command("service-delete", async () => (await services()).deleteService, {
    preview: true,
    database: "changes",
    summary: "delete a service account with its keys",
    help: "Within a second its keys and access tokens are rejected. No other service account ever gets its id.",
    takes: [service],
    example: "nightly",
  }),
  command("service-api-key", async () => (await services()).addServiceKey, {
    preview: true,
    database: "changes",
    summary: "create a key of a service account, and print it once",
    help: "Prints the key on stdout. The database has only its hash. Needs AMPHO_SECURITY_TOKEN_ENDPOINT or AMPHO_SECURITY_API_KEYS. To replace a key, create the new one first and end the old one with api-key-revoke.",
    takes: [
      service,
      valued("--name", "TEXT", { help: "A name for service-show. Default: that of the service account." }),
      valued("--days", "N", { help: "The days until it expires, at most 366. Default: 90." }),
    ],
    example: "nightly --days 366",
  }),
  command("service-jwk", async () => (await services()).setServiceJwk, {
    preview: true,
    database: "changes",
    summary: "set the public keys of a service account",
    help: "The service account then proves its private key at POST /token (`private_key_jwt`), and has no secret here. The new keys take the place of the old ones. To rotate a key, first set both.",
    takes: [
      service,
      { name: "FILE", help: "A public JWK, or a JWK Set of public keys. It is stdin for `-`.", optional: true },
      flag("--none", { help: "Remove the public keys." }),
    ],
    example: "nightly public.json",
  }),
  command("provider-check", async () => (await import("./commands/checks.js")).printProviderCheck, {
    database: "none",
    summary: "check an outside provider, and print its callback",
    help: "Checks every provider, or the one of NAME. Prints the callback to register at the provider. Reads the metadata and the keys of the provider, and compares the clocks. It ends with exit code 1 if the provider cannot be used, and in production if the callback is on localhost.",
    takes: [{ name: "NAME", help: "The name of the provider in AMPHO_SECURITY_PROVIDERS.", optional: true }],
    example: "google",
  }),
  command("device-forget", async () => (await factors()).forgetDevices, {
    database: "changes",
    summary: "forget a user's remembered devices",
    help: "The next login on each device asks for the second factor. Sessions go on.",
    takes: [user, byId],
    example: "alice",
  }),
  command("throttle-list", async () => (await throttle()).listLockouts, {
    database: "reads",
    summary: "list the login names and IP addresses that must wait",
    help: "Lists the login names and IP addresses whose next attempt is rejected now, the longest wait first. The audit log records the command. UNTIL is `cleared` where only throttle-clear or a login from a known device ends the wait.",
    takes: [json],
  }),
  command("throttle-clear", async () => (await throttle()).clearLockouts, {
    database: "changes",
    summary: "forget the failed attempts of a login name, of an IP address, or all",
    help: "Give exactly one of LOGIN, --address and --all. The next attempt then does not wait. Failed attempts for logins that do not exist are forgotten with --all only.",
    takes: [
      { ...login, optional: true },
      byId,
      valued("--address", "ADDRESS", { help: "Forget those of this address and of its IPv6 network." }),
      flag("--all", { help: "Forget all." }),
    ],
    example: "alice",
  }),
  command("captcha-check", async () => (await import("./commands/checks.js")).checkCaptcha, {
    database: "none",
    summary: "ask the captcha verifier whether it accepts the key",
    help: "Sends an invented token to AMPHO_SECURITY_CAPTCHA_URL. Exit code 1 means that the verifier is unreachable, rejects the key of the URL, or accepts every token because the key is for tests.",
  }),
  command("mail-list", async () => (await mail()).listMail, {
    database: "reads",
    summary: "list the newest mails of the outbox",
    help: "Lists the newest 1000 mails, sent ones included, in the order in which they were written. It prints no address and no text. With --json it prints an array of `{id,kind,userId,created,attempts,next,sent,failure}`.",
    takes: [json],
  }),
  command("mail-test", async () => (await mail()).testMail, {
    database: "reads",
    summary: "send a test mail now",
    help: "Sends one mail by AMPHO_MAIL_URL, and prints each step. It ends with exit code 1 and the reason if the mail was not accepted. An application that sends mails with the option `mail` calls `ampho.mail.test` instead.",
    takes: [{ name: "ADDRESS", help: "The address that receives the mail." }],
    example: "operator@example.org",
  }),
  command("audit-list", async () => (await import("./commands/audit.js")).listAudit, {
    database: "reads",
    summary: "list the newest entries of the audit log",
    help: "Lists the newest entries in the order in which they were written. Times are UTC.",
    takes: [
      valued("--login", "LOGIN", { help: "List only entries about this user." }),
      valued("--user-id", "USER_ID", { help: "List only entries about the user with this id." }),
      valued("--since", "TIME", {
        help: "List only entries since then: 2026-01-31, 2026-01-31T23:59:59Z, Unix seconds, or a duration such as 15m or 7d.",
      }),
      valued("--limit", "N", { help: "List at most the newest N entries. Default: 1000." }),
      json,
    ],
    example: "--login alice",
  }),
  command("doctor", async () => (await import("./commands/doctor.js")).doctor, {
    database: "none",
    summary: "check a deployment",
    help: "Checks the configuration, keys, files, the database and, with --url, a running instance. It prints what to fix, the most severe first. The exit code is 1 after an error or a warning.",
    takes: [valued("--url", "URL", { help: "Also check this running instance, as its clients reach it." }), json],
  }),
  command("db-up", async () => (await migrations()).migrateUp, {
    database: "creates",
    summary: "update the database schema",
    help: "Applies the migrations that are missing.",
  }),
  command("db-down", async () => (await migrations()).migrateDown, {
    database: "changes",
    summary: "revert the last migration",
    help: "Reverts one migration and deletes the data that it added. Make a backup first.",
  }),
  command("db-current", async () => (await migrations()).printCurrent, {
    database: "reads",
    summary: "print the current migration",
    help: "Prints the number of the last applied migration, or 0 if there is none.",
  }),
  command("db-show", async () => (await migrations()).listMigrations, {
    database: "reads",
    summary: "list the migrations",
    help: "Lists every migration of this version and when it was applied.",
    takes: [json],
  }),
  command("db-clean", async () => (await import("./commands/clean.js")).cleanDatabase, {
    database: "changes",
    summary: "remove old rows now",
    help: "Removes the rows that `serve` removes in the background, in the same small batches, and prints the counts. These are ended sessions, expired revocations and failed attempts, used login transactions, old mails and invitations, and remains of interrupted imports. Audit entries go when they are older than AMPHO_AUDIT_KEEP. If another process removes rows, this one waits. With --json it prints an object of counts.",
    takes: [json],
  }),
];
