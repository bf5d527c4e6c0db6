// The options of createAmpho, which the application and the commands can share in `ampho.config.js`. A command reads
// them before it loads anything else, so this file loads no code that serves requests.
import type { Clock } from "./clock.js";
import type { ConfigurationOptions } from "./config/configuration.js";
import { ConfigurationError } from "./errors.js";
import type { UserHooks } from "./flows/manage/user-hooks.js";
import type { ReplaceText } from "./mail/texts/compose.js";
import type { SendMail } from "./mail/transports/create.js";
import type { AddedLanguage } from "./page-texts/texts.js";
import type { ExtraClaims } from "./sessions/session-tokens.js";
import type { VerifyCaptcha } from "./throttle/captcha.js";
import type { ApplicationUser, ApplicationUsers } from "./users/application-users.js";

export type Log = (line: string, requestId?: string) => void;

export interface ManagementOptions<U extends ApplicationUser = ApplicationUser> {
  /**
   * The application's own user table (docs/guides/own-users.md), in place of the users of the database.
   * @example
   * await createAmpho({
   *   users: {
   *     find: (login) => db.users.findFirst({ where: { login } }),
   *     verify: (user, password) => verifyPassword(user.passwordHash, password),
   *   },
   * });
   */
  readonly users?: ApplicationUsers<U> | undefined;
  /**
   * Receives each line for people: warnings, migrations, and the errors behind responses with 500. The default is
   * stderr. `requestId` is the `X-Request-Id` of the response that the line is about.
   * @example await createAmpho({ log: (line, requestId) => console.error(line, requestId) });
   */
  readonly log?: Log | undefined;
  /**
   * Sends one mail, in place of AMPHO_MAIL_URL (docs/guides/mail.md). A mail whose promise rejects is sent again later.
   * @example await createAmpho({ mail: ({ to, subject, text, html }) => sendGrid.send({ to, subject, text, html }) });
   */
  readonly mail?: SendMail | undefined;
  /**
   * Replaces the texts of mails (docs/guides/mail.md). Returns undefined for Ampho's own text.
   * @example
   * await createAmpho({
   *   mailText: (kind, { code }) =>
   *     kind === "login" ? { subject: "Your code", text: `Your code is ${code}.` } : undefined,
   * });
   */
  readonly mailText?: ReplaceText | undefined;
  /**
   * Replaces the machine's clock in tests.
   * @example await createAmpho({ clock: { now: () => 1_800_000_000, monotonicMs: () => performance.now() } });
   */
  readonly clock?: Clock | undefined;
}

/** The options of createAmpho besides the parameters of docs/reference/configuration.md. */
export interface CompositionOptions<U extends ApplicationUser = ApplicationUser>
  extends ManagementOptions<U>,
    UserHooks {
  /**
   * Adds claims to access tokens. Registered and reserved claims and Ampho's own are rejected
   * (docs/reference/contract.md).
   * @example await createAmpho({ claims: async ({ id }) => ({ tenant: await tenantOf(id) }) });
   */
  readonly claims?: ExtraClaims | undefined;
  /**
   * Verifies the token of a captcha, in place of AMPHO_SECURITY_CAPTCHA_URL (docs/operate/throttling.md). If it rejects
   * or takes more than 5 s, the throttle decides as without a captcha.
   * @example await createAmpho({ captcha: async (token, { address }) => (await shield.verify(token, address)).human });
   */
  readonly captcha?: VerifyCaptcha | undefined;
  /**
   * Further languages of mails and pages, beside English, German, French and Spanish (docs/guides/pages.md).
   * @example await createAmpho({ languages: [dutch] });
   */
  readonly languages?: readonly AddedLanguage[] | undefined;
}

/**
 * The options of `createAmpho`: the parameters, and what only code can give. `U` is a row of the application's own user
 * table, and `S` the scopes of its roles.
 */
export type AmphoOptions<
  U extends ApplicationUser = ApplicationUser,
  S extends string = string,
> = ConfigurationOptions<S> & CompositionOptions<U>;

export const userHookNames = ["onUserCreated", "onUserChanged", "onUserRemoved"] as const;
const functionNames = ["mail", "mailText", "claims", "captcha", "log"] as const;
/** The options that are no parameters. */
export const compositionNames: readonly (keyof CompositionOptions)[] = [
  "users",
  "clock",
  "languages",
  ...functionNames,
  ...userHookNames,
];

/**
 * Returns the options unchanged, with their exact types, for `ampho.config.js`. Every command of Ampho reads that file
 * in its working directory, and the application passes it to `createAmpho` (docs/reference/configuration.md).
 * @example
 * // ampho.config.js
 * export default defineConfig({ scopes: { editor: ["articles:write"] }, registration: "open" });
 */
export const defineConfig = <U extends ApplicationUser = ApplicationUser, const S extends string = string>(
  options: AmphoOptions<U, S>,
): AmphoOptions<U, S> => options;

const userFunctions: readonly (keyof ApplicationUsers)[] = [
  "findById",
  "findMany",
  "verifyUnknown",
  "setPassword",
  "create",
  "setEmail",
  "setLogin",
  "remove",
];

/** Checks the options that are no parameters. @throws ConfigurationError */
export function checkOptions(
  options: CompositionOptions | Readonly<Record<string, unknown>>,
): asserts options is CompositionOptions {
  const { users, clock, languages }: CompositionOptions = options;
  const check = (ok: boolean, message: string) => {
    if (!ok) throw new ConfigurationError(`The option ${message}`);
  };
  const requireOptional = (name: string, value: unknown) =>
    check(value === undefined || isFunction(value), `${name} must be a function. Otherwise, leave it out.`);
  for (const name of ["find", "verify"] as const)
    check(users === undefined || isFunction(users?.[name]), `users.${name} must be a function.`);
  for (const name of userFunctions) requireOptional(`users.${name}`, users?.[name]);
  for (const name of [...userHookNames, ...functionNames]) requireOptional(name, options[name]);
  const noHook = "is for users of the database. With the option users, the application makes the changes itself.";
  for (const name of userHookNames) check(!options[name] || users === undefined, `${name} ${noHook}`);
  check(languages === undefined || Array.isArray(languages), "languages must be an array. Otherwise, leave it out.");
  const isClock = isObject(clock) && isFunction(clock?.now) && isFunction(clock?.monotonicMs);
  const form = "clock must be an object with the functions now and monotonicMs. Otherwise, leave it out.";
  check(clock === undefined || isClock, form);
}

const isObject = (value: unknown): boolean => typeof value === "object" && value !== null;
const isFunction = (value: unknown): boolean => typeof value === "function";
