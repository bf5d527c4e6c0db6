import { AmphoError } from "../../errors.js";
import type { Acr } from "../../levels/acr.js";
import { acrOf } from "../../levels/methods.js";
import type { Grant } from "../../wire/login.js";
import type { Deps } from "../deps.js";
import { findAccount } from "../find/account.js";
import { enter } from "../gate/enter.js";
import * as check from "./checks.js";

/** The level that the application has checked. The tokens carry it, and the gate does not ask for more. */
export interface VouchedLevel {
  /** The claim `amr` (RFC 8176). Default: empty. */
  readonly amr?: readonly string[] | undefined;
  /** The claim `acr`. Default: the level of `amr`, which is `1fa` without `mfa`. */
  readonly acr?: Acr | undefined;
}

const unknown = () => new AmphoError("not_found", "There is no user with this id.");
const notFoundByLogin = () =>
  new AmphoError(
    "not_found",
    "There is no user with this id. Without users.findById, users.find gets the id of a user without sessions and found no such user.",
  );

/** Rejects with `invalid_request`, with `not_found`, or with `invalid_credentials` for a disabled user. */
export async function createSession(deps: Deps, userId: string, level: VouchedLevel = {}): Promise<Grant> {
  check.string("userId", userId);
  check.vouchedLevel("level", level);
  const { amr = [], acr = acrOf(amr) } = level;
  deps.tokens.requireSigningKey();
  const account = await findAccount(deps, userId);
  if (account === undefined) throw deps.directory.findsById ? unknown() : notFoundByLogin();
  const gone = () => new AmphoError("invalid_credentials", "The user is disabled or deleted.");
  if (account.disabled) throw gone();
  const now = deps.clock.now();
  const context = { origin: { actor: "application" }, now, superseded: undefined } as const;
  return enter(deps, account, { amr, at: now, acr }, context);
}
