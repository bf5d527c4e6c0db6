// Invitations are for one address. Their roles come from here, never from the person who registers.
import { randomId } from "../../crypto/random.js";
import { AmphoError } from "../../errors.js";
import type { Invitation } from "../../store/sql/effects/registrations.js";
import { invitationSeconds } from "../../store/sql/rows/mail-rows.js";
import { isStorableText } from "../../store/storable-text.js";
import { emailTaken, requireAddress } from "../find/rules.js";
import * as check from "./checks.js";
import type { InvitationView, Management } from "./management.js";
import { type Manager, requireAppUrl } from "./manager.js";

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
      const roles = check.requireRoles(given);
      if ((await store.findUserByAddress(canonical)) !== undefined) throw emailTaken();
      const now = clock.now();
      const [id, until] = [randomId(), now + invitationSeconds];
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

function toView({ id, email, roles, invitedBy, createdAt, until, usedAt, removedAt }: Invitation): InvitationView {
  return { id, email, roles, invitedBy, created: createdAt, until, used: usedAt, removed: removedAt };
}
