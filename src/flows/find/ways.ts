// The ways in that are configured: for a login page (GET /login), and for a user who gives one up.
import { requestOptions } from "../../factors/passkey/relying-party.js";
import type { ConfiguredWays } from "../../store/sql/factors/ways-left.js";
import type { WaysIn } from "../../wire/login.js";
import type { Deps } from "../deps.js";

export const offersMailLogin = ({ outbox, settings }: Pick<Deps, "outbox" | "settings">): boolean =>
  outbox !== undefined && settings.mailLogin;

/** An application's own user table creates users only with `create`. */
export const canRegister = ({ directory, settings }: Pick<Deps, "directory" | "settings">): boolean =>
  settings.registration !== "closed" && directory.create !== undefined;

/** The same for every caller, without a query and without a row. */
export async function readWays(deps: Omit<Deps, "store">): Promise<WaysIn> {
  const { relyingParty: party, transactions, clock, outbox, settings, providers } = deps;
  const captcha = deps.offersCaptcha ? { when: "throttled" as const } : null;
  const ways = {
    password: true,
    passkey: party !== undefined,
    mail: offersMailLogin(deps),
    providers: providers.all.map(({ settings: { name, label } }) => ({ name, label })),
    registration: outbox !== undefined && canRegister(deps) ? settings.registration : "closed",
  } as const;
  if (party === undefined) return { ways, transaction: null, passkey: null, captcha };
  const now = clock.now();
  const { token, begun } = transactions.beginOpen("login", {}, now);
  const challenge = transactions.passkeyChallenge(begun);
  return { ways, transaction: token, passkey: requestOptions(party, challenge), captcha };
}

export function configuredWays(deps: Deps): ConfiguredWays {
  const { relyingParty, providers } = deps;
  return {
    relyingParty: relyingParty?.id,
    mail: offersMailLogin(deps),
    issuers: providers.all.flatMap(({ issuers }) => issuers),
  };
}
