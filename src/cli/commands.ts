// Every command of `ampho`: its row says what may be typed, what it is for and where its work is. From this table come
// parsing, --help and docs/cli.md. The work is imported when it runs: making a key loads no store.
import { optionName, parameters, tokenAlgorithms } from "../config/parameters.js";
import type { CommandOption, CommandRow } from "./command.js";

const login = { name: "LOGIN", help: "the user's login" };
const json: CommandOption = { name: "--json", help: "print JSON for programs" };
const passwordStdin: CommandOption = {
  name: "--password-stdin",
  help: "take the password from stdin: all of it, less one line end at its end",
};
const alg = (usual: string): CommandOption => ({
  name: "--alg",
  value: "ALG",
  choices: tokenAlgorithms,
  help: `the algorithm of the new key (${usual})`,
});
const role = (name: `--${string}`, help: string): CommandOption => ({ name, value: "R", repeats: true, help });
const fromParameter = (name: "AMPHO_HOST" | "AMPHO_PORT"): CommandOption => ({
  name: `--${optionName(name)}`,
  value: optionName(name).toUpperCase(),
  help: `${parameters[name].help} (${name}; ${parameters[name].default})`,
});

export const commands: readonly CommandRow[] = [
  {
    name: "sec-gen-key",
    summary: "make a key and print it as a JWK",
    details:
      "Prints a new private JWK, one line of JSON with `kty`, `alg` and `kid` (the RFC 7638 thumbprint). It is what AMPHO_SECURITY_KEY holds.",
    options: [
      alg("HS256"),
      {
        name: "--output",
        short: "-o",
        value: "FILE",
        help: "write it to a new file that only its owner can read; a file that is there stays as it is",
      },
    ],
    load: () => import("./commands/sec-gen-key.js"),
  },
  {
    name: "sec-rotate-key",
    summary: "print the key set to configure next: a new key before the old ones",
    details:
      "Takes the configured key, or a JWK or JWK Set on stdin, and prints the JWK Set to configure next. Its first key is new and signs; the old ones stay behind it to verify what they have signed. Where several processes or other services verify, go by the stages of docs/keys.md instead: `next` puts a new key behind the one that signs, `activate` lets it sign, `retire` takes out what nothing needs any more; each waits until that refuses nobody.",
    options: [
      alg("that of the key which signs now"),
      { name: "--keep", value: "N", help: "keep only the newest N of the old keys (all)" },
      { name: "--stage", value: "STAGE", choices: ["next", "activate", "retire"], help: "one stage of a rotation" },
      {
        name: "--in-place",
        help: "replace the file that AMPHO_SECURITY_KEY_FILE names, at once and with its mode, instead of printing",
      },
      { name: "--force", help: "with --stage activate or retire: do not wait; recorded in the audit log" },
      { name: "--reason", value: "TEXT", help: "why it is forced, for the audit log" },
    ],
    load: () => import("./commands/sec-rotate-key.js"),
  },
  {
    name: "sec-public-keys",
    summary: "print the public keys as a JWK Set",
    details: "Prints the public part of the configured keys for those who verify. Secret (`oct`) keys are never in it.",
    options: [],
    load: () => import("./commands/sec-public-keys.js"),
  },
  {
    name: "sec-revoke-key",
    summary: "refuse everything that a stolen key has signed",
    details:
      "Give one of KID and --all. Within a second every process refuses what the key signed; one that signs with it answers login and renew with 503 until it has another. It cannot be taken back.",
    argument: { name: "KID", help: "the `kid` of the key", optional: true },
    options: [
      { name: "--all", help: "every key that is configured here, as when the whole file was stolen" },
      { name: "--force", help: "also for a `kid` that is not configured here" },
    ],
    load: () => import("./commands/sec-revoke-key.js"),
  },
  {
    name: "sec-inspect-token",
    summary: "print a token and whether it would be accepted",
    details:
      "Reads a token on stdin and prints its header and claims, and whether it would be accepted now; if not, why, with exit code 1. The token itself is never printed.",
    options: [json],
    load: () => import("./commands/sec-inspect-token.js"),
  },
  {
    name: "serve",
    summary: "run the server",
    details:
      "Serves the REST API, /healthz and /readyz, and prints its URL on stdout when it is ready. SIGTERM and SIGINT let running requests end first; SIGHUP has the key file read at once.",
    options: [
      fromParameter("AMPHO_HOST"),
      fromParameter("AMPHO_PORT"),
      { name: "--log", value: "FORM", choices: ["text", "json"], help: "how requests are logged on stderr (text)" },
    ],
    showsParameters: true,
    load: () => import("./commands/serve.js"),
  },
  {
    name: "user-add",
    summary: "make a user",
    details:
      "Asks for a password on a terminal. Without one (an empty answer, or no terminal and no --password-stdin) the account has none and cannot log in with one.",
    argument: login,
    options: [passwordStdin, role("--role", "a role of the user; may be given several times")],
    load: () => import("./commands/user-add.js"),
  },
  {
    name: "user-list",
    summary: "list the users",
    details: "In the order of their logins. With --json an array of `{id,login,roles,disabled}`.",
    options: [json],
    load: () => import("./commands/user-list.js"),
  },
  {
    name: "user-import",
    summary: "import users with the password hashes of other systems",
    details:
      'Reads JSON Lines, `{"login","password_hash"?,"roles"?}`, and imports all of them or none: a wrong line (or a login that exists) is named by its number, with the reason. See docs/importing.md for the formats of hashes. A server may run meanwhile.',
    argument: { name: "FILE", help: "the file, or - for stdin" },
    options: [
      { name: "--dry-run", help: "import nothing: check every line, and print how many users have which format" },
    ],
    load: () => import("./commands/user-import.js"),
  },
  {
    name: "user-hashes",
    summary: "count the users on each format of password hash",
    details:
      "Imported hashes are replaced by an argon2id hash of today at the first right login. With --json an array of `{format,current,users}`; `format` is null for users without a password.",
    options: [json],
    load: () => import("./commands/user-hashes.js"),
  },
  {
    name: "user-password",
    summary: "give a user a new password",
    details: "Asks for it on a terminal, or takes it from --password-stdin. Ends the user's sessions.",
    argument: login,
    options: [passwordStdin],
    load: () => import("./commands/user-password.js"),
  },
  {
    name: "user-disable",
    summary: "lock a user out",
    details: "The user can no longer log in or renew, and every session ends within a second.",
    argument: login,
    options: [],
    load: () => import("./commands/user-disable.js"),
  },
  {
    name: "user-enable",
    summary: "let a disabled user in again",
    details: "Sessions that ended when the user was disabled stay ended.",
    argument: login,
    options: [],
    load: () => import("./commands/user-enable.js"),
  },
  {
    name: "user-roles",
    summary: "print or change a user's roles",
    details:
      "Prints the roles, one a line, after the change if there is one. A role taken away is gone within a second, also from tokens that were issued before.",
    argument: login,
    options: [
      role("--add", "a role to give; may be given several times"),
      role("--remove", "a role to take away; may be given several times"),
      json,
    ],
    load: () => import("./commands/user-roles.js"),
  },
  {
    name: "user-delete",
    summary: "remove a user",
    details: "Every session of the user ends within a second. The audit log keeps what happened.",
    argument: login,
    options: [],
    load: () => import("./commands/user-delete.js"),
  },
  {
    name: "session-list",
    summary: "list a user's sessions",
    details: "The live ones, the newest first.",
    argument: login,
    options: [json],
    load: () => import("./commands/session-list.js"),
  },
  {
    name: "session-end",
    summary: "end a session, a user's sessions, or every session",
    details: "Give one of ID, --login and --all. Tokens of an ended session are refused within a second.",
    argument: { name: "ID", help: "the session, as session-list shows it", optional: true },
    options: [
      { name: "--login", value: "LOGIN", help: "every session of this user" },
      { name: "--all", help: "every session of everybody" },
    ],
    load: () => import("./commands/session-end.js"),
  },
  {
    name: "throttle-list",
    summary: "list the logins and addresses that have to wait",
    details:
      "Those whose next guess is refused at present, the longest waits first; the audit log records that somebody looked. UNTIL says `cleared` where too many failures in a row only end with throttle-clear or a login from a known place.",
    options: [json],
    load: () => import("./commands/throttle-list.js"),
  },
  {
    name: "throttle-clear",
    summary: "forget the failed guesses of a login, of an address, or all",
    details:
      "Give one of LOGIN, --address and --all. The next guess is free again. Failures at logins that nobody has are only forgotten with --all.",
    argument: { name: "LOGIN", help: "the user's login", optional: true },
    options: [
      { name: "--address", value: "ADDRESS", help: "this address, and the IPv6 network that it lies in" },
      { name: "--all", help: "everything" },
    ],
    load: () => import("./commands/throttle-clear.js"),
  },
  {
    name: "audit-list",
    summary: "list who did what",
    details: "The newest entries, in the order in which they were written. Times are UTC.",
    options: [
      { name: "--login", value: "LOGIN", help: "only about this user" },
      {
        name: "--since",
        value: "TIME",
        help: "only from then on: 2026-01-31, 2026-01-31T23:59:59Z, Unix seconds, or how long ago: 90s 15m 12h 7d",
      },
      { name: "--limit", value: "N", help: "at most the newest N entries (1000)" },
      json,
    ],
    load: () => import("./commands/audit-list.js"),
  },
  {
    name: "doctor",
    summary: "check a deployment, or attack a running instance",
    details:
      "Checks the configuration, keys, files, the database and, with --url, a running instance, and says what to mend, the worst first; with exit code 1 if anything is wrong. With --attack it tries safe attacks on a running instance that has the configured key, or was started with AMPHO_ALLOW_ATTACK_TEST=true, with users made for it in the configured store or the one of --login, and prints which of them held (docs/doctor.md); with exit code 1 if one did not.",
    options: [
      {
        name: "--url",
        value: "URL",
        help: "also look at the answers of this running instance, as its clients reach it",
      },
      { name: "--attack", value: "URL", help: "attack this running instance" },
      { name: "--key-stdin", help: "with --attack: take the server's key from stdin, a JWK or JWK Set" },
      { name: "--login", value: "LOGIN", help: "with --attack: log in as this user, instead of making users" },
      passwordStdin,
      json,
    ],
    load: () => import("./commands/doctor.js"),
  },
  {
    name: "db-clean",
    summary: "remove old rows now",
    details:
      "Removes what `serve` removes in the background, in the same small batches, and prints how many rows of each kind: sessions, revocations and counts of failed guesses that are long over, what a killed user-import has left, and rows of the audit log that are older than AMPHO_AUDIT_KEEP. While another process is at it, this one waits. With --json an object of counts.",
    options: [json],
    load: () => import("./commands/db-clean.js"),
  },
  {
    name: "db-up",
    summary: "bring the database schema up to date",
    details: "Applies the migrations that are missing.",
    options: [],
    load: () => import("./commands/db-up.js"),
  },
  {
    name: "db-down",
    summary: "take the last migration back",
    details: "Takes back one migration, with what it holds: back up first.",
    options: [],
    load: () => import("./commands/db-down.js"),
  },
  {
    name: "db-current",
    summary: "print where the database schema stands",
    details: "Prints the number of the last applied migration, 0 when there is none.",
    options: [],
    load: () => import("./commands/db-current.js"),
  },
  {
    name: "db-show",
    summary: "list the migrations",
    details: "Every migration that this version knows, and when it was applied.",
    options: [json],
    load: () => import("./commands/db-show.js"),
  },
];
