// Invitations are for one address. Their roles come from here, never from the person who registers.

import { randomId } from "../../crypto/random.js";
import { AmphoError } from "../../errors.js";
import type { Invitation } from "../../store/sql/registrations.js";
import { isStorableText } from "../../store/storable-text.js";
import type { Role } from "../../tokens/auth.js";
import type { Deps } from "../deps.js";
import { emailTaken, requireAddress } from "../find/rules.js";
import * as check from "./checks.js";
import type { Management } from "./management.js";
import type { Manager } from "./manager.js";
import { requireRoles } from "./users.js";

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

export function manageInvitations(m: Manager): Pick<Management["users"], "invite" | "invitations"> {
  const { store, clock, settings, origin, stored } = m;
  return {
    invite: stored({ invitation: check.newInvitation }, async ({ email, roles: given = [], invitedBy = null }) => {
      if (settings.registration === "closed")
        throw new AmphoError(
          "registration_closed",
          "Registration is closed. Set AMPHO_SECURITY_REGISTRATION to invite or open.",
        );
      requireAppUrl(settings);
      const { address, canonical } = requireAddress(email);
      const roles = requireRoles(given);
      if ((await store.findUserByAddress(canonical)) !== undefined) throw emailTaken();
      const now = clock.now();
      const [id, until] = [randomId(), now + settings.inviteTtl];
      const invitation = { id, email: address, canonical, roles, invitedBy, createdAt: now, until };
      const claims = { inv: id, iat: now, exp: until };
      await store.createInvitation({
        invitation: { ...invitation, usedAt: null, removedAt: null },
        mail: { kind: "invite", userId: undefined, address, language: origin.language ?? "en", until, claims },
        origin,
      });
      return { id, until };
    }),
    invitations: {
      list: stored(check.limited, async (options) =>
        (await store.listInvitations({ limit: options?.limit ?? 1000 })).map(toView),
      ),
      remove: stored({ id: check.string }, async (id) =>
        isStorableText(id) ? store.removeInvitation({ id, now: clock.now(), origin }) : false,
      ),
    },
  };
}

/** The link of a mail leads to a page of the application. */
export function requireAppUrl({ appUrl }: Pick<Deps["settings"], "appUrl">): string {
  if (appUrl !== undefined) return appUrl;
  throw new AmphoError("not_found", "AMPHO_APP_URL is not set, so there is no page for a link.");
}

function toView({ id, email, roles, invitedBy, createdAt, until, usedAt, removedAt }: Invitation): InvitationView {
  return { id, email, roles, invitedBy, created: createdAt, until, used: usedAt, removed: removedAt };
}
