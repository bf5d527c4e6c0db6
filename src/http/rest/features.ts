// The parts of an instance that endpoints use besides its flows. Adapters import the types, so there is no zod here.
import type { Deps } from "../../flows/deps.js";
import { offersMailLogin } from "../../flows/find/ways.js";
import type { Feed } from "../../sessions/feed.js";

export interface Features {
  /** False when the application keeps its own user table. Then no password can be removed. */
  readonly keepsPasswords: boolean;
  /** Users can change the password. An application's own table needs `setPassword`. */
  readonly changesPasswords: boolean;
  /** AMPHO_APP_URL is set, and passkeys are not switched off. */
  readonly offersPasskeys: boolean;
  /** Users can have API keys. */
  readonly keys: boolean;
  /** Service accounts get access tokens. */
  readonly services: boolean;
  /** The changes of the own account that users can make. An application's own table needs a function for each. */
  readonly account: { readonly login: boolean; readonly removal: boolean };
  /** The flows by mail that exist. While no mails can be sent, only the end of a reset does. */
  readonly mails: {
    readonly login: boolean;
    readonly reset: boolean;
    /** Also without mails, because an operator can print the link of a recovery. */
    readonly resetFinish: boolean;
    readonly registration: boolean;
    readonly email: boolean;
    readonly alarm: boolean;
  };
  /** Undefined while no outside provider is configured. */
  readonly outside:
    | {
        readonly appUrl: string;
        /** The names of the providers. */
        readonly providers: ReadonlySet<string>;
        /** The callback finishes the login, and sets cookies. */
        readonly byCookie: boolean;
      }
    | undefined;
  /** Undefined without AMPHO_SECURITY_REVOCATION_FEED_TOKEN. Then there is no `/revocations`. */
  readonly readFeed: Feed["read"] | undefined;
  /** The public JWK Set. */
  publicKeys(): { readonly keys: readonly Readonly<Record<string, unknown>>[] };
}

export function featuresOf(
  deps: Pick<Deps, "directory" | "settings" | "outbox" | "providers" | "relyingParty">,
  readFeed: Features["readFeed"],
  publicKeys: Features["publicKeys"],
): Features {
  const { directory, settings, outbox, providers } = deps;
  /** An application's own user table has the flows whose functions it has. */
  const has = (name: "setPassword" | "create" | "setEmail" | "setLogin" | "remove") => directory[name] !== undefined;
  const mails = outbox !== undefined;
  const { appUrl } = settings;
  const names = new Set(providers.all.map((provider) => provider.settings.name));
  return {
    keepsPasswords: directory.inDatabase,
    changesPasswords: has("setPassword"),
    offersPasskeys: deps.relyingParty !== undefined,
    keys: settings.keysPerUser > 0,
    services: settings.tokenEndpoint,
    account: { login: has("setLogin"), removal: has("remove") },
    mails: {
      login: offersMailLogin(deps),
      reset: mails && has("setPassword"),
      resetFinish: appUrl !== undefined && has("setPassword"),
      registration: mails && has("create"),
      email: mails && has("setEmail"),
      alarm: mails,
    },
    outside:
      names.size === 0 || appUrl === undefined ? undefined : { appUrl, providers: names, byCookie: settings.cookies },
    readFeed,
    publicKeys,
  };
}
