// The rules of a new password and a new address, and the errors of changes of an account.
import { AmphoError } from "../../errors.js";
import { type Address, parseAddress } from "../../logins/address.js";
import { canonicalLogin, checkNewLogin } from "../../logins/login-name.js";
import type { NewPasswordOf, PasswordPolicy } from "../../passwords/policy.js";
import { isStorableName } from "../../store/storable-text.js";
import type { Account } from "../../users/directory.js";

/** Rejects with `password_rejected`. */
export async function requirePassword(policy: PasswordPolicy, password: string, about: NewPasswordOf): Promise<void> {
  const problem = await policy.check(password, about);
  if (problem === undefined) return;
  const { message, ...details } = problem;
  throw new AmphoError("password_rejected", message, details);
}

export function requireAddress(email: string): Address {
  const address = parseAddress(email);
  if (address !== undefined) return address;
  throw new AmphoError("invalid_request", "The email must be one e-mail address.", { field: "email" });
}

/** The rules of a new login name, whatever address its user has. */
export function requireNewName(login: string, { stored }: Pick<Account, "stored">, field: "login" | "email"): void {
  const reason =
    stored === undefined ? (isStorableName(login) ? undefined : "This login is not allowed.") : checkNewLogin(login);
  if (reason !== undefined) throw new AmphoError("invalid_request", reason, { field });
}

/**
 * A login that is an address, in any spelling, must be the proven address of its user. Otherwise it would look like the
 * account of another person, and operators would give it that person's roles.
 */
export function requireOwnAddress(login: string, own: string | undefined): void {
  if (!canonicalLogin(login).includes("@")) return;
  const address = parseAddress(login);
  if (address !== undefined && address.canonical === own) return;
  throw new AmphoError("invalid_request", "A login with an @ must be your own proven address.", { field: "login" });
}

export const emailTaken = () => new AmphoError("email_taken", "Another user has this address.");

export const changedMeanwhile = () =>
  new AmphoError("invalid_token", "The session has ended, or the account changed. Log in again.");
