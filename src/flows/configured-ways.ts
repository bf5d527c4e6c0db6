// The ways in that are configured, for a user who gives one up.
import type { ConfiguredWays } from "../store/sql/ways-left.js";
import type { Deps } from "./deps.js";

export function configuredWays({ directory, relyingParty, providers, outbox, settings }: Deps): ConfiguredWays {
  return {
    ownPasswords: !directory.inDatabase,
    relyingParty: relyingParty?.id,
    mail: outbox !== undefined && settings.mailLogin,
    issuers: providers.all.flatMap(({ issuers }) => issuers),
  };
}
