// Invitations to register, for operators and for `ampho.users`. An invitation is for one address. Its roles come from
// here and never from the person who registers.

import type { Origin } from "../../audit/entry.js";
import { randomId } from "../../crypto/random.js";
import { AmphoError } from "../../errors.js";
import type { Invitation } from "../../store/sql/registrations.js";
import type { Role } from "../../tokens/auth.js";
import type { Deps } from "../deps.js";
import { emailTaken, requireAddress } from "../find/rules.js";
import { requireRoles } from "./users.js";

type InvitationDeps = Pick<Deps, "store" | "clock" | "settings">;

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

/** Rejects with `registration_closed`, `not_found` without pages for the link, `invalid_request` or `email_taken`. */
export async function invite(
  { store, clock, settings }: InvitationDeps,
  { email, roles = [], invitedBy }: NewInvitation,
  origin: Origin,
): Promise<{ readonly id: string; readonly until: number }> {
  if (settings.registration === "closed")
    throw new AmphoError(
      "registration_closed",
      "Registration is closed. Set AMPHO_SECURITY_REGISTRATION to invite or open.",
    );
  requireAppUrl(settings);
  const { address, canonical } = requireAddress(email);
  const checked = requireRoles(roles);
  if ((await store.findUserByAddress(canonical)) !== undefined) throw emailTaken();
  const now = clock.now();
  const [id, until] = [randomId(), now + settings.inviteTtl];
  await store.createInvitation({
    invitation: {
      id,
      email: address,
      canonical,
      roles: checked,
      invitedBy: invitedBy ?? null,
      createdAt: now,
      until,
      usedAt: null,
      removedAt: null,
    },
    mail: {
      kind: "invite",
      userId: undefined,
      address,
      language: origin.language ?? "en",
      until,
      claims: { inv: id, iat: now, exp: until },
    },
    origin,
  });
  return { id, until };
}

/** The link of a mail leads to a page of the application. */
export function requireAppUrl({ appUrl }: Pick<Deps["settings"], "appUrl">): string {
  if (appUrl !== undefined) return appUrl;
  throw new AmphoError("not_found", "AMPHO_APP_URL is not set, so there is no page for a link.");
}

export const listInvitations = async (
  { store }: Pick<Deps, "store">,
  limit: number,
): Promise<readonly InvitationView[]> => (await store.listInvitations({ limit })).map(toView);

function toView({ id, email, roles, invitedBy, createdAt, until, usedAt, removedAt }: Invitation): InvitationView {
  return { id, email, roles, invitedBy, created: createdAt, until, used: usedAt, removed: removedAt };
}
