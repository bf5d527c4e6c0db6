// JSON Web Tokens: RFC 7519 in the JWS compact form of jws.ts, of the kinds that Ampho issues.
import { isTexts, parseJsonObject } from "../crypto/json.js";
import { unlessRejected } from "../errors.js";
import { type Key, type KeySet, tokenCharactersMax } from "../signing-keys/key.js";
import { type ClaimRules, type Claims, checkClaims, isIntegerIfThere, isTextIfThere } from "./claims.js";
import { readJws, signJws, verifyJws } from "./jws.js";
import { reject } from "./rejection.js";

/** The rules of one kind of token, besides form and signature. */
export interface TokenKind<C extends Claims> {
  /** `typ` of the tokens that Ampho signs. */
  readonly typ: string;
  /** For tokens of other software, also without `kid`: `typ` in lower case, without `application/`, or undefined. */
  readonly types?: ReadonlySet<string | undefined>;
  readonly isComplete: (claims: Claims) => claims is C;
}

/** A kind that only Ampho signs and verifies, under a key of its own: `info` is that of HKDF. */
export interface DerivedKind<C extends Claims> extends TokenKind<C> {
  readonly info: string;
}

export interface AccessClaims extends Claims {
  readonly login: string;
}

export interface SessionClaims extends Claims {
  readonly sid: string;
  readonly gen: number;
}

/** RFC 9068 §2.1. Other software with the key can sign these too, and can leave out `typ`. */
export const accessToken: TokenKind<AccessClaims> = {
  typ: "at+jwt",
  types: new Set([undefined, "jwt", "at+jwt"]),
  isComplete: (claims): claims is AccessClaims => claims.login !== undefined,
};

export const refreshToken: DerivedKind<SessionClaims> = {
  typ: "rt+jwt",
  info: "ampho refresh token",
  isComplete: (claims): claims is SessionClaims => claims.sid !== undefined && claims.gen !== undefined,
};

/** The refresh token of a connection. Neither `POST /renew` nor a guard takes it. */
export const connectionToken: DerivedKind<SessionClaims & { readonly iat: number }> = {
  typ: "ct+jwt",
  info: "ampho connection token",
  isComplete: (claims): claims is SessionClaims & { readonly iat: number } =>
    refreshToken.isComplete(claims) && claims.iat !== undefined,
};

export interface ClientClaims extends Claims {
  readonly redirects: readonly string[];
  /** The application calls itself so. */
  readonly name?: string;
}

/** The `client_id` of a dynamic client (RFC 7591): its registration itself, so no row holds it. */
export const dynamicClient: DerivedKind<ClientClaims> = {
  typ: "ci+jwt",
  info: "ampho client",
  isComplete: (claims): claims is ClientClaims => isTexts(claims["redirects"]) && isTextIfThere(claims["name"]),
};

export interface DeviceClaims extends Claims {
  readonly sub: string;
  /** The known device. A login with a proof returns one for the same device. */
  readonly did: string;
  /** The version of the user's password. A user of an application's own table has none. */
  readonly pwv?: number;
  /** The time until which the device is remembered, in Unix seconds. */
  readonly rem?: number;
  /** The versions of the user's factors and devices when the device was remembered. */
  readonly fv?: number;
  readonly dv?: number;
}

/** The proof that a user has signed in on this device before. */
export const deviceProof: DerivedKind<DeviceClaims> = {
  typ: "dp+jwt",
  info: "ampho device proof",
  isComplete: (claims): claims is DeviceClaims =>
    claims.sub !== undefined &&
    typeof claims["did"] === "string" &&
    claims["did"] !== "" &&
    ["pwv", "rem", "fv", "dv"].every((name) => isIntegerIfThere(claims[name])),
};

/** The purposes of transactions of a known user. A transaction is good for one of them. */
export const purposes = ["second", "enroll", "totp", "passkey", "email", "link", "confirm", "connect"] as const;

export type Purpose = (typeof purposes)[number];

export interface TransactionClaims extends Claims {
  readonly jti: string;
  readonly for: Purpose;
  readonly iat: number;
  /** As the client typed it, in its canonical form. */
  readonly login: string;
  readonly sub: string;
  /** The version of the user's password. A user of an application's own table has none. */
  readonly pwv?: number;
  /** The version of the user's factors. */
  readonly fv: number;
  /** The factors that were proven (RFC 8176 §2). */
  readonly amr: readonly string[];
  /** The known device on which the login began. */
  readonly did?: string;
  /** For a passkey: the user handle of the account, and the use. For a change of address: `login` if it becomes it. */
  readonly uh?: string;
  readonly use?: string;
  /** For a change of address: the new one, as it was typed. */
  readonly email?: string;
  /** For a new identity: the provider and the path to return to, or the identity that was proven. */
  readonly prv?: string;
  readonly ret?: string;
  readonly idn?: string;
  /** When the oldest factor was proven, where that was before this transaction. */
  readonly aut?: number;
}

/** Every transaction has the same key. */
const transactionInfo = "ampho login transaction";

/** A login or an enrolment that was begun. */
export const loginTransaction: DerivedKind<TransactionClaims> = {
  typ: "lt+jwt",
  info: transactionInfo,
  isComplete: (claims): claims is TransactionClaims =>
    claims.jti !== undefined &&
    purposes.some((purpose) => purpose === claims["for"]) &&
    claims.iat !== undefined &&
    claims.login !== undefined &&
    claims.sub !== undefined &&
    isIntegerIfThere(claims["pwv"]) &&
    Number.isSafeInteger(claims["fv"]) &&
    isTexts(claims["amr"]) &&
    isIntegerIfThere(claims["aut"]) &&
    ["did", "uh", "use", "prv", "ret", "idn", "email"].every((name) => isTextIfThere(claims[name])),
};

/** The purposes of transactions whose user is not known yet. They contain only what the client sent. */
export const openPurposes = ["login", "mail", "reset", "register", "invite", "outside", "identity"] as const;

export type OpenPurpose = (typeof openPurposes)[number];

export interface OpenClaims extends Claims {
  readonly jti: string;
  readonly for: OpenPurpose;
  readonly iat: number;
  /** The login as it was typed, whether an account has it or not. */
  readonly login?: string;
  /** For a registration: the address as it was typed, the user handle of a passkey, and the invitation. */
  readonly email?: string;
  readonly uh?: string;
  readonly inv?: string;
  /** For a reset that the user has not asked for. */
  readonly recovery?: Recovery;
  /** For an outside login: the provider and the path to return to, or the identity that was proven. */
  readonly prv?: string;
  readonly ret?: string;
  readonly idn?: string;
  /** For an outside login: the `max_age` that was asked for. */
  readonly max?: number;
  /** For a proven identity: when the user has signed in at the provider. */
  readonly aut?: number;
}

/**
 * A reset that an operator began asks for the second factors of the account, or removes them. `alarm`: the mailbox has
 * begun it by an alarm link.
 */
export const recoveries = ["with_factors", "without_factors", "alarm"] as const;

export type Recovery = (typeof recoveries)[number];

const isOpen = (claims: Claims): claims is OpenClaims =>
  claims.jti !== undefined &&
  openPurposes.some((purpose) => purpose === claims["for"]) &&
  claims.iat !== undefined &&
  ["email", "uh", "inv", "prv", "ret", "idn"].every((name) => isTextIfThere(claims[name])) &&
  isIntegerIfThere(claims["max"]) &&
  isIntegerIfThere(claims["aut"]) &&
  (claims["recovery"] === undefined || recoveries.some((recovery) => recovery === claims["recovery"]));

/** A login, reset or registration that was begun. */
export const openTransaction: DerivedKind<OpenClaims> = { typ: "lt+jwt", info: transactionInfo, isComplete: isOpen };

/**
 * The same in a mailed link. By its type (RFC 8725 §3.11), no reader of the mail can pose as the asking browser. It is
 * written out, because bundlers keep what is spread.
 */
export const linkTransaction: DerivedKind<OpenClaims> = { typ: "tl+jwt", info: transactionInfo, isComplete: isOpen };

export interface MailTokenClaims extends Claims {
  readonly jti: string;
  readonly for: "alarm" | "invite";
  /** The user, or the invitation. */
  readonly sub: string;
  /** For an alarm: the kind of the notice, the mailbox to which it was mailed, and the browser of the change. */
  readonly change?: string;
  readonly box?: string;
  /** The login of its user then. An own table that finds users by their login alone needs it. */
  readonly login?: string;
  readonly browser?: string;
}

/** A mailed link that begins nothing: it raises an alarm or names an invitation. */
export const mailToken: DerivedKind<MailTokenClaims> = {
  typ: "ml+jwt",
  info: "ampho mail link",
  isComplete: (claims): claims is MailTokenClaims =>
    claims.jti !== undefined &&
    (claims["for"] === "alarm" || claims["for"] === "invite") &&
    claims.sub !== undefined &&
    ["change", "box", "browser", "login"].every((name) => isTextIfThere(claims[name])),
};

export interface JwtRules extends ClaimRules {
  /** The `kid`s of revoked keys, whose tokens are rejected. */
  readonly revokedKeys?: ReadonlySet<string> | undefined;
}

export interface VerifiedJwt<C extends Claims> {
  readonly claims: C;
  /** The key that signed it. */
  readonly key: Key;
}

/** The buffer for a decoded payload. Its content is used only within one call. */
const payload = Buffer.alloc(tokenCharactersMax);

const noneRevoked: ReadonlySet<string> = new Set();

/** Verifies form, signature, type and claims. Throws AmphoError `invalid_token`, without anything of the token. */
export function verifyJwt<C extends Claims>(
  token: string,
  keys: KeySet,
  kind: TokenKind<C>,
  rules: JwtRules,
): VerifiedJwt<C> {
  const { key, typ, named, payloadBytes } = verifyJws(token, keys, rules.revokedKeys ?? noneRevoked, payload);
  if (!(kind.types?.has(typ) ?? typ === kind.typ)) reject("type");
  if (kind.types === undefined && !named) reject("noKid");
  const claims = checkClaims(parseJsonObject(payload, payloadBytes) ?? reject("payload"), rules);
  if (!kind.isComplete(claims)) reject("claim");
  return { claims, key };
}

/** Nothing nests, and no text has half a surrogate pair, which JSON.stringify escapes. Nearly all claims are so. */
const isPlain = (claims: Claims, text: string): boolean =>
  !text.includes("\\ud") && Object.values(claims).every((value) => typeof value !== "object" || isTexts(value));

/** Throws TypeError for claims that no verifier could read: half a surrogate pair, or endless nesting. */
export function signJwt<C extends Claims>(key: Key, kind: TokenKind<C>, claims: C): string {
  const text = JSON.stringify(claims);
  if (!isPlain(claims, text) && parseJsonObject(Buffer.from(text)) === undefined)
    throw new TypeError(
      "the claims contain half a surrogate pair or are nested too deeply, so that no verifier could read the token",
    );
  return signJws(key, kind.typ, text);
}

/** Reads a token without believing it. Throws AmphoError `invalid_token` when it is not one in form. */
export function readJwt(token: string) {
  const jws = readJws(token);
  return { header: jws.header, claims: parseJsonObject(jws.payload) ?? reject("payload") };
}

/** The same, but returns undefined for a text that is no token in form. */
export const peekJwt = (text: string): ReturnType<typeof readJwt> | undefined => unlessRejected(() => readJwt(text));
