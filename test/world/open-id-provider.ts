// A real OpenID provider (the package oidc-provider) in this process, on the loopback interface, and a browser that logs in
// there. Its users are the accounts that the test names.
import { createServer } from "node:http";
import { type Configuration, Provider } from "oidc-provider";
import { atEndOfFile } from "./clean-up.js";
import { listening } from "./listen.js";

type Claims = Readonly<Record<string, unknown>>;

export interface OpenIdProvider {
  readonly issuer: string;
  /** The subject that logs in next, and its claims. */
  user: { readonly sub: string; readonly claims: Claims };
  /** The user cancels the next logins, in place of a login. */
  cancels: boolean;
  /**
   * Opens the URL as a browser does, logs in, and returns what the provider sends to the callback. With the cookies of an
   * earlier login, the provider logs the user in silently.
   */
  signIn(url: string, cookies?: Map<string, string>): Promise<URLSearchParams>;
}

export interface OpenIdProviderOptions {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly redirectUris: readonly string[];
  /** The claims of a scope are at UserInfo alone, as is the default of the package (OpenID Connect Core §5.4). */
  readonly atUserInfo?: boolean;
}

/** `consent` is not asked for: each user has a grant for what the client asks. */
function configurationOf(options: OpenIdProviderOptions, userOf: () => OpenIdProvider["user"]): Configuration {
  const { clientId, clientSecret, redirectUris, atUserInfo = false } = options;
  return {
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        redirect_uris: [...redirectUris],
        grant_types: ["authorization_code"],
        response_types: ["code"],
      },
    ],
    claims: { openid: ["sub"], email: ["email", "email_verified"] },
    conformIdTokenClaims: atUserInfo,
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
    cookies: { keys: ["one secret for this test"] },
    async findAccount(_context, sub) {
      return { accountId: sub, claims: async () => ({ sub, ...userOf().claims }) };
    },
    async loadExistingGrant(context) {
      const { client, session, provider } = context.oidc;
      const grant = new provider.Grant({ clientId: client?.clientId ?? "", accountId: session?.accountId ?? "" });
      grant.addOIDCScope("openid email");
      await grant.save();
      return grant;
    },
  };
}

export async function startOpenIdProvider(options: OpenIdProviderOptions): Promise<OpenIdProvider> {
  const server = createServer();
  const { url: issuer } = await listening(server, atEndOfFile);
  const own: Pick<OpenIdProvider, "user" | "cancels"> = { user: { sub: "user-1", claims: {} }, cancels: false };
  const provider = new Provider(
    issuer,
    configurationOf(options, () => own.user),
  );
  const respond = provider.callback();
  server.on("request", (request, response) => {
    if (!request.url?.startsWith("/interaction/")) return void respond(request, response);
    const result = own.cancels ? { error: "access_denied" } : { login: { accountId: own.user.sub } };
    void provider.interactionFinished(request, response, result);
  });

  async function signIn(url: string, cookies = new Map<string, string>()): Promise<URLSearchParams> {
    for (let at = url; ; ) {
      const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
      const response = await fetch(at, { redirect: "manual", headers: { cookie } });
      for (const set of response.headers.getSetCookie()) {
        const [name = "", value = ""] = set.split(";")[0]?.split("=", 2) ?? [];
        cookies.set(name, value);
      }
      const location = response.headers.get("location");
      if (location === null) return formOf(await response.text());
      const next = new URL(location, at);
      if (next.origin !== issuer) return next.searchParams;
      at = next.href;
    }
  }

  return {
    issuer,
    get user() {
      return own.user;
    },
    set user(user) {
      own.user = user;
    },
    get cancels() {
      return own.cancels;
    },
    set cancels(cancels) {
      own.cancels = cancels;
    },
    signIn,
  };
}

/** The fields of the form that a provider sends by form_post. */
function formOf(html: string): URLSearchParams {
  const fields = html.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"\s*\/?>/g);
  return new URLSearchParams([...fields].map(([, name = "", value = ""]) => [name, value]));
}
