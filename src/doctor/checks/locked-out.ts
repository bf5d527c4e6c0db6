// Users whose only way in is switched off.
import type { Configuration } from "../../config/configuration.js";
import { relyingPartyOf } from "../../factors/relying-party.js";
import type { Store } from "../../store/store.js";
import type { Finding } from "../finding.js";

/** An application that keeps its own user table verifies passwords itself. */
export async function checkLockedOut(
  store: Pick<Store, "countLockedOut">,
  configuration: Configuration,
): Promise<readonly Finding[]> {
  const { providers, mailUrl, mailLogin } = configuration;
  const users = await store.countLockedOut({
    passkey: relyingPartyOf(configuration) !== undefined,
    mail: mailLogin && mailUrl !== undefined,
    providers: providers.map(({ name }) => name),
  });
  if (users === 0) return [];
  const message = `${users === 1 ? "1 user has" : `${users} users have`} no way in that is switched on.`;
  const fix =
    "Set AMPHO_APP_URL for passkeys, and AMPHO_SECURITY_PROVIDERS to the providers that the users have. Or set passwords with `ampho user-password`.";
  return [{ severity: "error", check: "factors", message, fix }];
}
