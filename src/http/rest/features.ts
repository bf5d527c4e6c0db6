// The parts of an instance that endpoints use besides its flows. Adapters import the types, so there is no zod here.
import type { Deps } from "../../flows/deps.js";
import { offersMailLogin } from "../../flows/find/ways.js";
import type { Feed } from "../../sessions/feed.js";

export type Features = ReturnType<typeof featuresOf>;

/** `readFeed` is undefined without AMPHO_SECURITY_REVOCATION_FEED_TOKEN. Then there is no `/revocations`. */
export function featuresOf(
  deps: Pick<Deps, "directory" | "settings" | "outbox" | "providers" | "relyingParty">,
  readFeed: Feed["read"] | undefined,
  publicKeys: () => { readonly keys: readonly Readonly<Record<string, unknown>>[] },
) {
  const { directory, settings, outbox, providers } = deps;
  /** An application's own user table has the flows whose functions it has. */
  const has = (name: "setPassword" | "create" | "setEmail" | "setLogin" | "remove") => directory[name] !== undefined;
  const mails = outbox !== undefined;
  const { appUrl } = settings;
  const names: ReadonlySet<string> = new Set(providers.all.map((provider) => provider.settings.name));
  return {
    /** False when the application keeps its own user table. Then no password can be removed. */
    keepsPasswords: directory.anyUser !== false,
    changesPasswords: has("setPassword"),
    /** AMPHO_APP_URL is set, and passkeys are not switched off. */
    offersPasskeys: deps.relyingParty !== undefined,
    apiKeys: settings.apiKeysPerUser > 0,
    services: settings.tokenEndpoint,
    /** Users can connect their accounts to applications. */
    connect:
      settings.connect.length > 0 && appUrl !== undefined
        ? { page: connectPageOf(settings, appUrl), dynamic: settings.connect.includes("dynamic") }
        : undefined,
    account: { login: has("setLogin"), removal: has("remove") },
    mails: {
      login: offersMailLogin(deps),
      reset: mails && has("setPassword"),
      /** Also without mails, because an operator can print the link of a recovery. */
      resetFinish: appUrl !== undefined && has("setPassword"),
      registration: mails && has("create"),
      email: mails && has("setEmail"),
      alarm: mails,
    },
    /** `byCookie`: the callback finishes the login, and sets cookies. */
    outside:
      names.size === 0 || appUrl === undefined ? undefined : { appUrl, providers: names, byCookie: settings.cookies },
    readFeed,
    publicKeys,
  } as const;
}

/** Where a user gives consent: on the page, or on that of the application. */
function connectPageOf({ pages }: Deps["settings"], appUrl: string): string {
  if (pages) return new URL(`${pages.prefix}/connect`, appUrl).href;
  const url = new URL(appUrl);
  url.searchParams.set("ampho", "connect");
  return url.href;
}
