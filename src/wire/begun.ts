// Responses to a request that a second one finishes. With AMPHO_SECURITY_COOKIES, the transaction is in a cookie.

/** Options of a ceremony of WebAuthn, or the response to it (WebAuthn L3 §5.1.7 to §5.1.10). */
export type WebAuthnJson = Readonly<Record<string, unknown>>;

/** A set-up of a passkey. */
export interface PasskeySetUp {
  readonly transaction?: string;
  /** PublicKeyCredentialCreationOptionsJSON. */
  readonly passkey: WebAuthnJson;
}

/** A set-up of an authenticator app. */
export interface TotpSetUp {
  readonly transaction?: string;
  /** Base32. */
  readonly secret: string;
  /** An `otpauth:` URI. */
  readonly uri: string;
}

/** A change of the address was begun. */
export interface EmailChangeBegun extends Partial<Pick<CodeBegun, "transaction" | "match">> {
  /** With `later`: the time at which the code is mailed, in Unix seconds. */
  readonly from?: number;
  /** The end of the code, in Unix seconds. */
  readonly expires: number;
}

/** A mail was sent to a new address. */
export interface CodeBegun {
  readonly transaction?: string;
  /** Two digits for the page to show. A link that is opened in another browser asks for them. */
  readonly match: string;
  /** The end of the code and the link, in Unix seconds. */
  readonly expires: number;
}

/** A code was mailed that confirms a change. It is never in a cookie, where it would replace what was begun. */
export interface ConfirmationBegun {
  readonly transaction: string;
  /** The end of the code, in Unix seconds. */
  readonly expires: number;
}

/** A mail was asked for. */
export interface MailBegun extends CodeBegun {
  /** The earliest time of the next mail, in Unix seconds. */
  readonly resend: number;
}

export interface RegistrationBegun extends CodeBegun {
  /** PublicKeyCredentialCreationOptionsJSON, in place of a password. Null while passkeys are not offered. */
  readonly passkey: WebAuthnJson | null;
}

/** A login or a link at an outside provider. */
export interface OutsideBegun {
  /** The URL at the provider, to which the browser goes. */
  readonly url: string;
  readonly transaction?: string;
  /** The end of the transaction, in Unix seconds. */
  readonly expires: number;
}
