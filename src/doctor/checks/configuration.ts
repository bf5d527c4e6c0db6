// Values that are allowed but doubtful. A rule is one row: severity, condition, message and fix.
import { type Configuration, unsentMailProblems } from "../../config/configuration.js";
import type { ConfigurationError } from "../../errors.js";
import { relyingPartyOf } from "../../factors/passkey/relying-party.js";
import { policyOf } from "../../levels/policy.js";
import { ownKeyLine } from "../../log-lines.js";
import type { SendMail } from "../../mail/transports/create.js";
import { isLocalhost } from "../../outbound/secure-url.js";
import { type Finding, finding, type Severity } from "../finding.js";

type Condition = (configuration: Configuration) => boolean;
type Rule = readonly [when: Condition, finding: Finding];

const rule =
  (severity: Severity) =>
  (when: Condition, { says, fix }: { readonly says: string; readonly fix: string }): Rule => [
    when,
    finding(severity, "configuration", says, fix),
  ];
const [error, warning, note] = [rule("error"), rule("warning"), rule("note")];

const [hour, day] = [3_600, 86_400];

const isProduction = ({ environment }: Configuration): boolean => environment === "production";
const isLoopback = (host: string): boolean => /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/.test(host);
const hasPublicKeys = ({ keys = [] }: Configuration): boolean => keys.some(({ publicJwk }) => publicJwk !== undefined);

const rules: readonly Rule[] = [
  error(({ passwordMin }) => passwordMin < 8, {
    says: "AMPHO_SECURITY_PASSWORD_MIN is below 8, the lowest value that NIST SP 800-63B allows.",
    fix: "Set it to 15, its default.",
  }),
  error(
    ({ tokenAudience, resources }) =>
      tokenAudience !== undefined && resources.some(({ resource }) => !tokenAudience.includes(resource)),
    {
      says: "AMPHO_SECURITY_TOKEN_AUDIENCE lacks a resource of AMPHO_SECURITY_RESOURCES. Its tokens are rejected.",
      fix: "Add the resource to AMPHO_SECURITY_TOKEN_AUDIENCE.",
    },
  ),
  warning(
    // With a second factor, NIST SP 800-63B-4 §3.1.1.2 allows 8 characters.
    ({ passwordMin, factors }) => passwordMin >= 8 && passwordMin < 15 && policyOf([], factors) === "optional",
    {
      says: "AMPHO_SECURITY_PASSWORD_MIN is below 15, the NIST SP 800-63B minimum for a password as the only factor.",
      fix: 'Set it to 15, its default, or AMPHO_SECURITY_FACTORS to {"*":"required"}. Existing passwords stay valid.',
    },
  ),
  error((one) => one.databaseUrl === "sqlite::memory:" && isProduction(one), {
    says: "AMPHO_DATABASE_URL is sqlite::memory: in production. Users, sessions and revocations end with the process.",
    fix: "Set it to sqlite:PATH or postgres://….",
  }),
  error(({ tokenTtl }) => tokenTtl > day, {
    says: "AMPHO_SECURITY_TOKEN_TTL is more than a day. A leaked access token can be used for as long.",
    fix: "Set it to 900, its default. Clients renew their tokens.",
  }),
  warning(({ tokenTtl }) => tokenTtl > hour && tokenTtl <= day, {
    says: "AMPHO_SECURITY_TOKEN_TTL is more than an hour. A leaked access token can be used for as long.",
    fix: "Set it to 900, its default. Clients renew their tokens.",
  }),
  warning(({ tokenTtl }) => tokenTtl < 30, {
    says: "AMPHO_SECURITY_TOKEN_TTL is below 30 seconds. Clients renew continuously, and every renewal writes to the database.",
    fix: "Set it to several minutes.",
  }),
  warning(({ tokenLeeway }) => tokenLeeway > 120, {
    says: "AMPHO_SECURITY_TOKEN_LEEWAY is above 120 seconds. Expired tokens are accepted for as long.",
    fix: "Run NTP on every machine, and set it to 60, its default.",
  }),
  warning((one) => one.renewByToken > 0 && hasPublicKeys(one), {
    says: "AMPHO_SECURITY_RENEW_BY_TOKEN is not 0. Services that verify with the public keys can renew with the tokens they see.",
    fix: "Set it to 0. Clients renew with refresh tokens.",
  }),
  warning(({ renewByToken }) => renewByToken > 86_400, {
    says: "AMPHO_SECURITY_RENEW_BY_TOKEN is above a day. A stolen access token renews its session for as long.",
    fix: "Set it to 12h, its default, or to 0. Clients renew with refresh tokens.",
  }),
  note((one) => (hasPublicKeys(one) || isProduction(one)) && one.tokenAudience === undefined, {
    says: "AMPHO_SECURITY_TOKEN_AUDIENCE is not set, so tokens have no `aud`. Every service with the keys accepts a token for any other.",
    fix: "Set it to the services that tokens are for (RFC 8725 §3.9, RFC 9068 §2.2).",
  }),
  warning(({ tokenIssuer = "", issuerIsDerived }) => !issuerIsDerived && /^http:/i.test(tokenIssuer), {
    says: "AMPHO_SECURITY_TOKEN_ISSUER is an http URL. Issuers are https URLs (RFC 8414 §2), and some verifiers reject others.",
    fix: "Set it to an https URL.",
  }),
  warning(({ tokenForeignTtl }) => tokenForeignTtl > 30 * day, {
    says: "AMPHO_SECURITY_TOKEN_FOREIGN_TTL is more than 30 days. Tokens without a session cannot be ended one by one.",
    fix: "Let other software create short-lived tokens, and set it to 86400, its default.",
  }),
  warning(({ sessionTtl }) => sessionTtl > 366 * day, {
    says: "AMPHO_SECURITY_SESSION_TTL is more than a year. A stolen session can be used for as long.",
    fix: "Set it to 2592000 (30 days), its default.",
  }),
  warning(({ sessionIdleTtl, sessionTtl }) => sessionIdleTtl > Math.min(90 * day, sessionTtl), {
    says: "AMPHO_SECURITY_SESSION_IDLE_TTL exceeds 90 days or AMPHO_SECURITY_SESSION_TTL. Forgotten sessions stay open.",
    fix: "Set it to 1209600 (14 days), its default.",
  }),
  warning(({ throttleLock }) => throttleLock > 100, {
    says: "AMPHO_SECURITY_THROTTLE_LOCK is above 100 wrong passwords in a row, the most that NIST SP 800-63B allows.",
    fix: "Set it to 100, its default, or less.",
  }),
  warning(({ throttleAttempts, throttleWindow }) => throttleAttempts * (day / throttleWindow) > 10_000, {
    says: "AMPHO_SECURITY_THROTTLE_ATTEMPTS and _WINDOW allow thousands of attempts a day for one login.",
    fix: "Set them to 5 and 900, their defaults.",
  }),
  warning(({ throttleAddress }) => throttleAddress === 0, {
    says: "AMPHO_SECURITY_THROTTLE_ADDRESS is 0. One address can try one password for every login.",
    fix: "Set it to 20, its default, or to what your largest office needs.",
  }),
  warning(({ corsOrigins }) => corsOrigins.some((origin) => /^http:\/\/(?!localhost|127\.|\[::1\])/.test(origin)), {
    says: "AMPHO_SECURITY_CORS_ORIGINS lists an http origin. An attacker on the network path can read what its pages read.",
    fix: "List its https origin.",
  }),
  warning((one) => !isProduction(one) && !isLoopback(one.host), {
    says: "NODE_ENV is not production, and AMPHO_HOST is reachable from other machines. Without a key, each start creates one.",
    fix: "Set NODE_ENV=production, or AMPHO_HOST=127.0.0.1.",
  }),
  warning((one) => isProduction(one) && !isLoopback(one.host) && one.trustProxy === 0, {
    says: "AMPHO_HOST is reachable from other machines without TLS, and AMPHO_TRUST_PROXY is 0, so no TLS proxy is trusted.",
    fix: "Put a TLS proxy in front, listen on 127.0.0.1, and set AMPHO_TRUST_PROXY to the number of proxies.",
  }),
  note((one) => one.connect.length > 0 && isProduction(one) && one.trustProxy === 0, {
    says: "AMPHO_TRUST_PROXY is 0. Behind a proxy all applications have one address, so a stolen refresh token goes unnoticed.",
    fix: "Set AMPHO_TRUST_PROXY to the number of proxies in front.",
  }),
  error((one) => isProduction(one) && one.appUrl !== undefined && isLocalhost(new URL(one.appUrl).hostname), {
    says: "AMPHO_APP_URL is on localhost in production, so mailed links lead to the machine of each user.",
    fix: "Set it to the https URL of the application.",
  }),
  warning((one) => cannotOfferPasskeys(one), {
    says: "AMPHO_APP_URL has an IP address, which cannot be the relying party of passkeys. They are not offered.",
    fix: "Set AMPHO_APP_URL to a URL with a domain name.",
  }),
  error((one) => Object.values(one.factors).includes("phr") && relyingPartyOf(one) === undefined, {
    says: "AMPHO_SECURITY_FACTORS requires passkeys, but they are not offered, so its users cannot sign in.",
    fix: "Set AMPHO_APP_URL, and AMPHO_SECURITY_PASSKEYS to true.",
  }),
  note(({ mailLogin }) => mailLogin, {
    says: "AMPHO_SECURITY_MAIL_LOGIN is true. NIST SP 800-63B-4 §3.1.3.1 and ASVS 6.3.6 do not accept e-mail as an authenticator.",
    fix: 'Set it to false, or require a second factor with AMPHO_SECURITY_FACTORS={"*":"required"}.',
  }),
  note(({ registration }) => registration === "open", {
    says: "AMPHO_SECURITY_REGISTRATION is open, so a stranger can have one mail sent to any address (docs/guides/mail-flows.md).",
    fix: "Set it to invite, unless strangers must be able to register.",
  }),
  warning(({ trustProxy }) => trustProxy > 3, {
    says: "AMPHO_TRUST_PROXY is above 3. If fewer proxies are in front, clients can choose their own address.",
    fix: "Set it to the number of proxies that every request passes.",
  }),
];

const unsentFix =
  "`ampho serve` does not start like this. An application that sends mails by the option `mail` needs no AMPHO_MAIL_URL.";

/** The host is an IP address. */
const cannotOfferPasskeys = (one: Configuration): boolean =>
  one.appUrl !== undefined && one.passkeys !== false && relyingPartyOf(one) === undefined;

/** Checks a configuration that can be used. `warnings` come from reading it, and `mail` from `ampho.config.js`. */
export function checkConfiguration(
  configuration: Configuration,
  warnings: readonly string[],
  mail?: SendMail,
): readonly Finding[] {
  const { appUrl, mailUrl = mail } = configuration;
  const unsent = unsentMailProblems(configuration, { appUrl: appUrl !== undefined, mailUrl: mailUrl !== undefined });
  // The option `mail` of an application without ampho.config.js is not known here.
  const severity = appUrl === undefined ? "warning" : "note";
  return [
    ...unsent.map((message) => finding(severity, "configuration", message, unsentFix)),
    ...rules.filter(([when]) => when(configuration)).map(([, finding]) => finding),
    ...warnings.map(warningOf),
  ];
}

const page = "See docs/reference/configuration.md.";
const keyFix = "Run `ampho sec-gen-key --output key.json`, and set AMPHO_SECURITY_KEY_FILE=key.json.";

function warningOf(message: string): Finding {
  return message === ownKeyLine()
    ? finding("warning", "signing-key", message, keyFix)
    : finding("warning", "configuration", message, page);
}

/** The problems of a ConfigurationError as findings. They hold no secret. */
export const findingsOf = ({ problems }: ConfigurationError): readonly Finding[] =>
  problems.map((problem) => finding("error", "configuration", problem, page));
