// The table of commands. Parsing, --help and docs/reference/cli.md are derived from it. A row loads the function of its
// command when it runs, so sec-gen-key loads no database.
import { optionName, parameters, tokenAlgorithms } from "../config/parameters.js";
import type { CommandOption, CommandRow } from "./command.js";

const login = { name: "LOGIN", help: "The login name of the user, or with --id the id." };
const user = {
  name: "LOGIN",
  help: "The login name of the user, or the id if the application keeps its own user table.",
};
const byId: CommandOption = { name: "--id", help: "LOGIN is the id of the user and not the login." };
const service = { name: "NAME", help: "The name or the id of the service account." };
const scope = (help: string): CommandOption => ({ name: "--scope", value: "S", repeats: true, help });
const json: CommandOption = { name: "--json", help: "Print the result as one line of JSON." };
const passwordStdin: CommandOption = {
  name: "--password-stdin",
  help: "Read the password from stdin. One newline at the end is removed.",
};
const alg = (defaultText: string): CommandOption => ({
  name: "--alg",
  value: "ALG",
  choices: tokenAlgorithms,
  help: `The algorithm of the new key. Default: ${defaultText}.`,
});
const role = (name: `--${string}`, help: string): CommandOption => ({ name, value: "R", repeats: true, help });
const fromParameter = (name: "AMPHO_HOST" | "AMPHO_PORT"): CommandOption => ({
  name: `--${optionName(name)}`,
  value: optionName(name).toUpperCase(),
  help: `Overrides ${name}. ${parameters[name].help} Default: ${parameters[name].default}.`,
});

const users = () => import("./commands/users.js");
const keys = () => import("./commands/keys/keys.js");
const factors = () => import("./commands/factors.js");
const apiKeys = () => import("./commands/api-keys.js");
const services = () => import("./commands/services.js");
const invitations = () => import("./commands/invitations.js");
const mail = () => import("./commands/mail.js");
const sessions = () => import("./commands/sessions.js");
const throttle = () => import("./commands/throttle.js");
const migrations = () => import("./commands/migrations.js");

export const commands: readonly CommandRow[] = [
  {
    name: "init",
    summary: "set up a project: key, .env, .gitignore, first user",
    details:
      "Writes a key file that only its owner can read, an `.env` that names it, and lines in `.gitignore`. On a terminal it also asks for a first user. It never overwrites anything, and a second run only adds what is missing. Last it prints the next step for the framework in `package.json`.",
    load: async () => (await import("./commands/init.js")).init,
  },
  {
    name: "sec-gen-key",
    summary: "create a key and print it as a JWK",
    details:
      "Prints a new private JWK as one line of JSON with `kty`, `alg` and `kid` (the RFC 7638 thumbprint). Use it as the value of AMPHO_SECURITY_KEY.",
    options: [
      alg("HS256"),
      {
        name: "--output",
        short: "-o",
        value: "FILE",
        help: "Write the key to a new file that only its owner can read. An existing file stays unchanged.",
      },
    ],
    example: "-o key.json",
    load: async () => (await keys()).generateKey,
  },
  {
    name: "sec-rotate-key",
    summary: "print the key set to configure next: a new key before the old ones",
    details:
      "Takes the configured key, or a JWK or JWK Set on stdin, and prints the JWK Set to configure next. Its first key is new and signs. The old keys stay in the set to verify what they signed. If several processes or other services verify tokens, use the stages of docs/operate/keys.md instead. `next` adds a key, `activate` lets it sign unless it was revoked, and `retire` removes keys that are no longer needed or are revoked. A stage that is run too early ends with exit code 1 and changes nothing.",
    options: [
      alg("that of the key that signs now"),
      {
        name: "--keep",
        value: "N",
        help: "Keep only the newest N of the old keys. Default: all. TOTP secrets under a key that goes are lost.",
      },
      {
        name: "--stage",
        value: "STAGE",
        choices: ["next", "activate", "retire"],
        help: "Run one stage of a rotation.",
      },
      {
        name: "--in-place",
        help: "Replace the file that AMPHO_SECURITY_KEY_FILE names instead of printing the set. The file keeps its mode.",
      },
      {
        name: "--force",
        help: "With --stage activate or retire: do not wait. The audit log records it with the reason.",
      },
      { name: "--reason", value: "TEXT", help: "The reason for --force, which requires one." },
    ],
    example: "--stage next --in-place",
    load: async () => (await import("./commands/keys/rotate.js")).rotateKey,
  },
  {
    name: "sec-public-keys",
    summary: "print the public keys as a JWK Set",
    details:
      "Prints the public part of the configured keys for services that verify tokens. It never contains a secret (`oct`) key.",
    load: async () => (await keys()).printPublicKeys,
  },
  {
    name: "sec-revoke-key",
    summary: "reject everything that a stolen key signed",
    details:
      "Give exactly one of KID and --all. Within a second every process rejects what the key signed. A process that signs with it returns 503 to login and renew until it has another key. A revocation cannot be undone.",
    argument: { name: "KID", help: "The `kid` of the key.", optional: true },
    options: [
      { name: "--all", help: "Revoke every configured key, for example after the whole key file was stolen." },
      { name: "--force", help: "Also revoke a `kid` that is not configured here." },
    ],
    example: "--force elsewhere",
    load: async () => (await import("./commands/keys/revoke.js")).revokeKeys,
  },
  {
    name: "sec-inspect-token",
    summary: "print a token and whether it would be accepted",
    details:
      "Reads a token from stdin and prints its header and claims, and whether it would be accepted now. If not, it prints the reason and ends with exit code 1. It never prints the token itself.",
    options: [json],
    example: "--json < token.txt",
    load: async () => (await import("./commands/inspect-token.js")).inspectToken,
  },
  {
    name: "serve",
    summary: "run the server",
    details:
      "Serves the REST API, /healthz and /readyz, and prints its URL on stdout when it is ready. SIGTERM and SIGINT let running requests finish before the server ends. SIGHUP reads the key file at once.",
    options: [
      fromParameter("AMPHO_HOST"),
      fromParameter("AMPHO_PORT"),
      {
        name: "--log",
        value: "FORM",
        choices: ["text", "json"],
        help: "The form of the log on stderr. Default: text.",
      },
    ],
    showsParameters: true,
    example: "--host 0.0.0.0 --port 8080 --log json",
    load: async () => (await import("./commands/serve/serve.js")).serveCommand,
  },
  {
    name: "user-add",
    summary: "create a user",
    details:
      "Asks for a password on a terminal. An account without a password cannot sign in with one. It is created if the typed password is empty, or if there is no terminal and no --password-stdin.",
    argument: { name: "LOGIN", help: "The login name of the user." },
    options: [
      passwordStdin,
      role("--role", "A role of the user. Repeat the option for several roles."),
      {
        name: "--email",
        value: "ADDRESS",
        help: "The address to which mails go. Default: the login, if it is an address.",
      },
    ],
    example: "alice --password-stdin --role editor --role reader",
    load: async () => (await users()).addUser,
  },
  {
    name: "user-list",
    summary: "list the users",
    details:
      "Lists the users in the order of their logins. With --json it prints an array of `{id,login,roles,disabled,email,emailProven}`.",
    options: [json],
    load: async () => (await users()).listUsers,
  },
  {
    name: "user-show",
    summary: "show one user",
    details:
      "Prints the id, login, state and roles of the user, and the address to which mails go. With --json it prints `{id,login,roles,disabled,email,emailProven}`.",
    argument: login,
    options: [byId, json],
    example: "bob --json",
    load: async () => (await users()).showUser,
  },
  {
    name: "user-password",
    summary: "set a user's password",
    details:
      "Asks for the new password on a terminal, or reads it with --password-stdin. Every session of the user ends.",
    argument: login,
    options: [byId, passwordStdin],
    example: "bob --password-stdin",
    load: async () => (await users()).changeUserPassword,
  },
  {
    name: "user-expire-password",
    summary: "let users set a new password, after their hashes were stolen",
    details:
      "Give exactly one of LOGIN, --all and --file. The old passwords work no more, and the sessions of these users end. Each user sets a new password by a mailed link (forgotten password). The command mails nothing. It prints the users who have no address and cannot do that, for `user-recover --print`. Users without a password are not changed. An interrupted command can be run again.",
    argument: { name: "LOGIN", help: "The login name of the user, or with --id the id.", optional: true },
    options: [
      byId,
      { name: "--all", help: "Every user." },
      {
        name: "--file",
        value: "FILE",
        help: "The users of a file, one login or with --id one id on a line. - is stdin.",
      },
      { name: "--reason", value: "TEXT", help: "The reason, for the audit log. The command requires one." },
      json,
    ],
    example: '--all --reason "A backup was stolen."',
    load: async () => (await import("./commands/expire-passwords.js")).expirePasswords,
  },
  {
    name: "user-email",
    summary: "set the address to which a user's mails go",
    details:
      "The address is not proven until the user has used a code or a link that was mailed to it. A proven old address gets a notice. An empty ADDRESS deletes the address.",
    argument: login,
    second: { name: "ADDRESS", help: "The new address." },
    options: [byId],
    example: "carol carol@example.org",
    load: async () => (await users()).changeUserEmail,
  },
  {
    name: "user-recover",
    summary: "let a user set a new password who has lost the means to sign in",
    details:
      "Mails a link to the user. It leads to a new password, and works for AMPHO_SECURITY_CODE_TTL. The command prints a number of two digits for which the link asks. Give the number to the user after you have checked who asks (docs/operate/recovery.md). A user with a second factor must also prove that factor. A user with a proven address gets a notice at once. The command needs the keys. A running server sends the mail.",
    argument: login,
    options: [
      byId,
      { name: "--print", help: "Print the link, to hand it over, and mail none." },
      {
        name: "--without-factors",
        help: "The user has lost every second factor. They are removed with the new password. The link works from 24 hours later on.",
      },
      { name: "--reason", value: "TEXT", help: "The reason. The command requires one." },
    ],
    example: "alice --reason 'lost phone'",
    load: async () => (await import("./commands/keys/keyring.js")).recoverUser,
  },
  {
    name: "user-invite",
    summary: "invite a person to register",
    details:
      "Mails a link with which the person can register with this address (docs/guides/mail-flows.md). It lasts for AMPHO_SECURITY_INVITE_TTL. AMPHO_SECURITY_REGISTRATION must be `invite` or `open`. A running server sends the mail.",
    argument: { name: "ADDRESS", help: "The address of the person." },
    options: [role("--role", "A role of the new user. Repeat the option for several roles.")],
    example: "Dan@example.org --role editor",
    load: async () => (await invitations()).inviteUser,
  },
  {
    name: "invite-list",
    summary: "list the invitations",
    details:
      "Lists the newest 1000 invitations in the order in which they were created. With --json it prints an array of `{id,email,roles,invitedBy,created,until,used,removed}`.",
    options: [json],
    load: async () => (await invitations()).listInvitations,
  },
  {
    name: "invite-remove",
    summary: "take an invitation back",
    details: "The link of the invitation does not work any more. A user who has registered stays.",
    argument: {
      name: "ID",
      help: "The ID of the invitation, as invite-list prints it. Put -- before an ID that begins with -.",
    },
    example: "-- ID",
    load: async () => (await invitations()).removeInvitation,
  },
  {
    name: "user-disable",
    summary: "disable a user and end the user's sessions",
    details: "The user cannot sign in, and every session ends within a second. `user-enable` undoes it.",
    argument: login,
    options: [byId],
    example: "bob",
    load: async () => (await users()).disableUser,
  },
  {
    name: "user-enable",
    summary: "let a disabled user sign in again",
    details: "Sessions that ended when the user was disabled stay ended.",
    argument: login,
    options: [byId],
    example: "bob",
    load: async () => (await users()).enableUser,
  },
  {
    name: "user-delete",
    summary: "delete a user",
    details: "Every session of the user ends within a second. The audit log keeps its entries.",
    argument: login,
    options: [byId],
    example: "bob",
    load: async () => (await users()).userDelete,
  },
  {
    name: "user-roles",
    summary: "print or change a user's roles",
    details:
      "Prints the roles, one per line, after the change if there is one. A removed role has no effect after one second, also in tokens that were issued before.",
    argument: login,
    options: [
      byId,
      role("--add", "A role to add. Repeat the option for several roles."),
      role("--remove", "A role to remove. Repeat the option for several roles."),
      json,
    ],
    example: "alice --add admin --add reader --remove editor",
    load: async () => (await users()).changeRoles,
  },
  {
    name: "user-export",
    argument: login,
    summary: "print everything about a user as JSON",
    details:
      "Prints what `GET /account/export` returns: the account, passkeys, identities, live sessions, and the newest 1000 entries of the audit log, without secrets and keys. The audit log records the command.",
    options: [byId],
    example: "alice",
    load: async () => (await users()).exportUser,
  },
  {
    name: "user-import",
    summary: "import users with the password hashes of other systems",
    details:
      'Reads JSON Lines such as `{"login":"alice","password_hash":"$2b$…","roles":["reader"]}` and imports all users or none. A wrong line, or a login that exists, is reported by its number with the reason. docs/guides/importing.md lists the members and the formats of hashes. A server can run meanwhile.',
    argument: { name: "FILE", help: "The file, or - for stdin." },
    options: [{ name: "--dry-run", help: "Import nothing. Check every line and count the users per format." }],
    example: "--dry-run users.jsonl",
    load: async () => (await import("./commands/import-users.js")).importUsers,
  },
  {
    name: "user-hashes",
    summary: "count the users per format of password hash",
    details:
      "An imported hash is replaced by a current argon2id hash at the first correct login. With --json it prints an array of `{format,current,users}`, where `format` is null for users without a password.",
    options: [json],
    load: async () => (await users()).countHashes,
  },
  {
    name: "session-list",
    summary: "list a user's sessions",
    details:
      "Lists the live sessions, the newest first. With --json it prints an array of `{id,created,renewed,expires,address,agent,amr,acr}`.",
    argument: login,
    options: [byId, json],
    example: "alice",
    load: async () => (await sessions()).listSessions,
  },
  {
    name: "session-end",
    summary: "end a session, a user's sessions, or every session",
    details:
      "Give exactly one of ID, --login, --user-id and --all. Tokens of an ended session are rejected within a second.",
    argument: { name: "ID", help: "The ID of the session, as session-list prints it.", optional: true },
    options: [
      {
        name: "--login",
        value: "LOGIN",
        help: "End every session of this user, and forget the user's remembered devices.",
      },
      { name: "--user-id", value: "USER_ID", help: "The same for the user with this id." },
      { name: "--all", help: "End every session of every user. API keys go on." },
      { name: "--keys", help: "With --all: end every API key too." },
    ],
    example: "--login alice",
    load: async () => (await sessions()).endSessions,
  },
  {
    name: "factor-list",
    summary: "list a user's second factors",
    details:
      "Lists passkeys and the other second factors by ID, and prints the policy of the user on stderr. With --json it prints `{policy,factors}`, where `policy` is null unless `factor-policy` set one.",
    argument: user,
    options: [byId, json],
    example: "alice --json",
    load: async () => (await factors()).listFactors,
  },
  {
    name: "factor-remove",
    summary: "remove second factors of a user, for example after a phone was lost",
    details:
      "Give exactly one of ID and --all. Every session of the user ends, and no device is remembered any more. Recovery codes go with the last other factor. The audit log has the reason. Check first that the request comes from the user (docs/operate/second-factors.md).",
    argument: user,
    second: {
      name: "ID",
      optional: true,
      help: "totp, recovery_code, or the ID of a passkey, as factor-list prints it. Put -- before an ID that begins with -.",
    },
    options: [
      byId,
      { name: "--all", help: "Remove all of them." },
      { name: "--reason", value: "TEXT", help: "The reason. The command requires one." },
    ],
    example: "alice totp --reason 'The phone was lost.'",
    load: async () => (await factors()).removeFactors,
  },
  {
    name: "factor-policy",
    summary: "set the policy of one user",
    details:
      "The policy counts from the next login on, in place of that of the user's roles (AMPHO_SECURITY_FACTORS). The policy `default` is that of the roles again.",
    argument: user,
    second: { name: "POLICY", choices: ["optional", "required", "phr", "default"], help: "The policy." },
    options: [byId],
    example: "alice required",
    load: async () => (await factors()).setPolicy,
  },
  {
    name: "factor-rekey",
    summary: "move TOTP secrets to the key that signs",
    details:
      "Decrypts each stored TOTP secret with its key, also if that key is revoked, and encrypts it with the key that signs now. It needs the keys. It prints how many were moved, and ends with exit code 1 if some could not be decrypted. A server can run meanwhile.",
    load: async () => (await import("./commands/keys/keyring.js")).rekeyFactors,
  },
  {
    name: "identity-list",
    summary: "list a user's identities at outside providers",
    details: "With --json it prints an array of `{id,provider,issuer,subject,email,created,used}`.",
    argument: user,
    options: [byId, json],
    example: "alice",
    load: async () => (await factors()).listIdentities,
  },
  {
    name: "identity-remove",
    summary: "unlink an identity of a user, for example after it was stolen",
    details:
      "The identity can no longer sign in, and every session of the user ends. The command also removes the last way to sign in. The audit log has the reason.",
    argument: user,
    second: {
      name: "ID",
      help: "The ID of the identity, as identity-list prints it. Put -- before an ID that begins with -.",
    },
    options: [byId, { name: "--reason", value: "TEXT", help: "The reason. The command requires one." }],
    example: "alice ID --reason 'The account was stolen.'",
    load: async () => (await factors()).removeIdentity,
  },
  {
    name: "key-list",
    summary: "list a user's API keys",
    details:
      "Lists the keys, the oldest first. A key that has expired stays in the list for 30 days. With --json it prints an array of `{id,start,name,scopes,created,expires,last_used}`.",
    argument: user,
    options: [byId, json],
    example: "alice",
    load: async () => (await apiKeys()).listKeys,
  },
  {
    name: "key-revoke",
    summary: "end an API key, a user's keys, or every key",
    details:
      "Give exactly one of ID, --login and --all. An ended key is rejected within a second, and cannot come back.",
    argument: { name: "ID", help: "The ID of the key, as key-list and key-inspect print it.", optional: true },
    options: [
      {
        name: "--login",
        value: "LOGIN",
        help: "End every key of this user. Give the id if the application keeps its own user table.",
      },
      { name: "--all", help: "End every key of every user." },
    ],
    example: "--login alice",
    load: async () => (await apiKeys()).revokeApiKeys,
  },
  {
    name: "key-inspect",
    summary: "print whose API key it is and whether it would be accepted",
    details:
      "Reads an API key from stdin, such as one that was found in a public repository. If it would be rejected, the command prints the reason and ends with exit code 1. It never prints the key itself.",
    options: [json],
    example: "< key.txt",
    load: async () => (await apiKeys()).inspectKey,
  },
  {
    name: "service-add",
    summary: "create a service account, and print its id",
    details:
      "A service account is a program that calls the API, such as a nightly job. It has scopes and no roles. It gets keys from service-key, or proves its private key (service-jwk).",
    argument: {
      name: "NAME",
      help: "A unique name: 1 to 64 of a-z, 0-9, . and -. It begins with a letter or a digit.",
    },
    options: [scope("A scope of it. Repeat the option for several. `ampho:introspect` lets it ask POST /introspect.")],
    example: "nightly --scope articles:read",
    load: async () => (await services()).addService,
  },
  {
    name: "service-list",
    summary: "list the service accounts",
    details: "With --json it prints an array of `{id,name,scopes,disabled,created,kids}`.",
    options: [json],
    load: async () => (await services()).listServices,
  },
  {
    name: "service-show",
    summary: "print a service account and its keys",
    details: "A key that has expired is shown for 30 days. With --json it prints the keys as key-list does.",
    argument: service,
    options: [json],
    example: "nightly",
    load: async () => (await services()).showService,
  },
  {
    name: "service-scopes",
    summary: "replace the scopes of a service account",
    details: "Its keys have the new scopes, and its access tokens end, within a second.",
    argument: service,
    options: [scope("A scope of it. Repeat the option for several. Without the option it has none.")],
    example: "nightly --scope articles:read --scope articles:write",
    load: async () => (await services()).setServiceScopes,
  },
  {
    name: "service-disable",
    summary: "reject a service account, until service-enable",
    details: "Within a second its keys and access tokens are rejected, and it gets no new tokens.",
    argument: service,
    example: "nightly",
    load: async () => (await services()).disableService,
  },
  {
    name: "service-enable",
    summary: "accept a service account again",
    details: "Its keys work again, in some processes after 5 seconds. Its former access tokens stay rejected.",
    argument: service,
    example: "nightly",
    load: async () => (await services()).enableService,
  },
  {
    name: "service-delete",
    summary: "delete a service account with its keys",
    details: "Within a second its keys and access tokens are rejected. No other service account ever gets its id.",
    argument: service,
    example: "nightly",
    load: async () => (await services()).deleteService,
  },
  {
    name: "service-key",
    summary: "create a key of a service account, and print it once",
    details:
      "Prints the key on stdout. The database has only its hash. Needs AMPHO_SECURITY_TOKEN_ENDPOINT or AMPHO_SECURITY_KEYS_PER_USER. To replace a key, create the new one first and end the old one with key-revoke.",
    argument: service,
    options: [
      { name: "--name", value: "TEXT", help: "A name for service-show. Default: that of the service account." },
      { name: "--days", value: "N", help: "The days until it expires, at most 366. Default: 90." },
    ],
    example: "nightly --days 366",
    load: async () => (await services()).addServiceKey,
  },
  {
    name: "service-jwk",
    summary: "set the public keys of a service account",
    details:
      "The service account then proves its private key at POST /token (`private_key_jwt`), and has no secret here. The new keys take the place of the old ones. To rotate a key, first set both.",
    argument: service,
    second: { name: "FILE", help: "A public JWK, or a JWK Set of public keys. It is stdin for `-`.", optional: true },
    options: [{ name: "--none", help: "Remove the public keys." }],
    example: "nightly public.json",
    load: async () => (await services()).setServiceJwk,
  },
  {
    name: "provider-check",
    summary: "check an outside provider, and print its callback",
    details:
      "Prints the callback to register at the provider. Reads the metadata and the keys of the provider, and compares the clocks. It ends with exit code 1 if the provider cannot be used, and in production if the callback is on localhost.",
    argument: { name: "NAME", help: "The name of the provider in AMPHO_SECURITY_PROVIDERS." },
    example: "google",
    load: async () => (await import("./commands/checks.js")).printProviderCheck,
  },
  {
    name: "device-forget",
    summary: "forget a user's remembered devices",
    details: "The next login on each device asks for the second factor. Sessions go on.",
    argument: user,
    options: [byId],
    example: "alice",
    load: async () => (await factors()).forgetDevices,
  },
  {
    name: "throttle-list",
    summary: "list the logins and addresses that must wait",
    details:
      "Lists the logins and addresses whose next attempt is rejected now, the longest wait first. The audit log records the command. UNTIL is `cleared` where only throttle-clear or a login from a known device ends the wait.",
    options: [json],
    load: async () => (await throttle()).listLockouts,
  },
  {
    name: "throttle-clear",
    summary: "forget the failed attempts of a login, of an address, or all",
    details:
      "Give exactly one of LOGIN, --address and --all. The next attempt then does not wait. Failed attempts for logins that do not exist are forgotten with --all only.",
    argument: { ...login, optional: true },
    options: [
      byId,
      { name: "--address", value: "ADDRESS", help: "Forget those of this address and of its IPv6 network." },
      { name: "--all", help: "Forget all." },
    ],
    example: "alice",
    load: async () => (await throttle()).clearLockouts,
  },
  {
    name: "captcha-check",
    summary: "ask the captcha verifier whether it accepts the key",
    details:
      "Sends an invented token to AMPHO_SECURITY_CAPTCHA_URL. Exit code 1 means that the verifier is unreachable, rejects AMPHO_SECURITY_CAPTCHA_KEY, or accepts every token because the key is for tests.",
    load: async () => (await import("./commands/checks.js")).checkCaptcha,
  },
  {
    name: "mail-list",
    summary: "list the newest mails of the outbox",
    details:
      "Lists the newest 1000 mails, sent ones included, in the order in which they were written. It prints no address and no text. With --json it prints an array of `{id,kind,userId,created,attempts,next,sent,failure}`.",
    options: [json],
    load: async () => (await mail()).listMail,
  },
  {
    name: "mail-test",
    summary: "send a test mail now",
    details:
      "Sends one mail by AMPHO_MAIL_URL, and prints each step. It ends with exit code 1 and the reason if the mail was not accepted. An application that sends mails with the option `mail` calls `ampho.mail.test` instead.",
    argument: { name: "ADDRESS", help: "The address that receives the mail." },
    example: "operator@example.org",
    load: async () => (await mail()).testMail,
  },
  {
    name: "audit-list",
    summary: "list the newest entries of the audit log",
    details: "Lists the newest entries in the order in which they were written. Times are UTC.",
    options: [
      { name: "--login", value: "LOGIN", help: "List only entries about this user." },
      { name: "--user-id", value: "USER_ID", help: "List only entries about the user with this id." },
      {
        name: "--since",
        value: "TIME",
        help: "List only entries since then: 2026-01-31, 2026-01-31T23:59:59Z, Unix seconds, or a duration such as 15m or 7d.",
      },
      { name: "--limit", value: "N", help: "List at most the newest N entries. Default: 1000." },
      json,
    ],
    example: "--login alice",
    load: async () => (await import("./commands/audit.js")).listAudit,
  },
  {
    name: "doctor",
    summary: "check a deployment",
    details:
      "Checks the configuration, keys, files, the database and, with --url, a running instance. It prints what to fix, the most severe first. The exit code is 1 after an error or a warning.",
    options: [
      { name: "--url", value: "URL", help: "Also check this running instance, as its clients reach it." },
      json,
    ],
    load: async () => (await import("./commands/doctor.js")).doctor,
  },
  {
    name: "db-up",
    summary: "update the database schema",
    details: "Applies the migrations that are missing.",
    load: async () => (await migrations()).migrateUp,
  },
  {
    name: "db-down",
    summary: "revert the last migration",
    details: "Reverts one migration and deletes the data that it added. Make a backup first.",
    load: async () => (await migrations()).migrateDown,
  },
  {
    name: "db-current",
    summary: "print the current migration",
    details: "Prints the number of the last applied migration, or 0 if there is none.",
    load: async () => (await migrations()).printCurrent,
  },
  {
    name: "db-show",
    summary: "list the migrations",
    details: "Lists every migration of this version and when it was applied.",
    options: [json],
    load: async () => (await migrations()).listMigrations,
  },
  {
    name: "db-clean",
    summary: "remove old rows now",
    details:
      "Removes the rows that `serve` removes in the background, in the same small batches, and prints the counts. These are ended sessions, expired revocations and failed attempts, used login transactions, old mails and invitations, and remains of interrupted imports. Audit entries go when they are older than AMPHO_AUDIT_KEEP. If another process removes rows, this one waits. With --json it prints an object of counts.",
    options: [json],
    load: async () => (await import("./commands/clean.js")).cleanDatabase,
  },
];
