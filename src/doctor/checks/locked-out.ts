// Users whose only way in is switched off, or whose policy asks for what is switched off.
import type { Configuration } from "../../config/configuration.js";
import { relyingPartyOf } from "../../factors/passkey/relying-party.js";
import type { Store } from "../../store/store.js";
import type { Finding } from "../finding.js";

/** An application that keeps its own user table verifies passwords itself. */
export async function checkLockedOut(
  store: Pick<Store, "countLockedOut">,
  configuration: Configuration,
): Promise<readonly Finding[]> {
  const { providers, mailUrl, mailLogin } = configuration;
  const { withoutWay: users, withoutPasskeys } = await store.countLockedOut({
    relyingParty: relyingPartyOf(configuration)?.id,
    mail: mailLogin && mailUrl !== undefined,
    providers: providers.map(({ name }) => name),
  });
  return [
    ...lockedOut(
      users,
      "no way in that is switched on",
      "Set AMPHO_APP_URL for passkeys (and AMPHO_SECURITY_PASSKEY_RP to the relying party that they have), and AMPHO_SECURITY_PROVIDERS to the providers that the users have. Or set passwords with `ampho user-password`.",
    ),
    ...lockedOut(
      withoutPasskeys,
      "the policy `phr`, but passkeys are not offered",
      "Set AMPHO_APP_URL, and AMPHO_SECURITY_PASSKEYS to true. Or set another policy with `ampho factor-policy`.",
    ),
  ];
}

function lockedOut(users: number, what: string, fix: string): readonly Finding[] {
  if (users === 0) return [];
  const message = `${users === 1 ? "1 user has" : `${users} users have`} ${what}.`;
  return [{ severity: "error", check: "factors", message, fix }];
}
