// GitHub, or a GitHub Enterprise Server: OAuth 2.0 without an ID token. The API names the user
// (docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps).
import { isObject } from "../config/kinds.js";
import type { OutsideSecrets } from "../factors/transactions.js";
import { everywhere, noAddress, readAddress } from "./address.js";
import { buildAuthorizationUrl, clientOf, orRejected, redeemCode } from "./code-grant.js";
import type { ProviderDeps } from "./library.js";
import type { OutsideIdentity, OutsideResponse, ProviderSteps } from "./provider.js";
import { OutsideRejection, ProviderFailure } from "./provider.js";
import { createProviderFetch, readObject } from "./provider-fetch.js";

const publicGithub = "https://github.com";

/** GitHub's errors about this configuration, with status 200 as all its errors (docs.github.com/apps/oauth-apps). */
const configurationErrors: ReadonlyMap<unknown, string> = new Map([
  ["incorrect_client_credentials", "it does not accept the client and its secret"],
  ["redirect_uri_mismatch", "it does not accept the callback"],
]);

export function createGithubProvider(deps: ProviderDeps): ProviderSteps {
  const { library, settings } = deps;
  const { issuer } = settings;
  const base = issuer.replace(/\/$/, "");
  const api = githubApi(issuer);
  const fetch = createProviderFetch(issuer);
  const server = {
    // The value of `iss` in its responses (docs.github.com/en/apps/github-authentication-discovery-endpoints).
    issuer: `${base}/login/oauth`,
    authorization_endpoint: `${base}/login/oauth/authorize`,
    token_endpoint: `${base}/login/oauth/access_token`,
    token_endpoint_auth_methods_supported: ["client_secret_post"],
  };

  async function read(path: string, token: string): Promise<unknown> {
    const response = await fetch(`${api}${path}`, {
      headers: { accept: "application/vnd.github+json", authorization: `Bearer ${token}`, "user-agent": "ampho" },
    });
    if (response.status !== 200) throw new ProviderFailure(`the response of its API was ${response.status}`);
    return response.json().catch(() => undefined);
  }

  async function redeem(response: OutsideResponse, secrets: OutsideSecrets): Promise<OutsideIdentity> {
    const tokenResponse = await redeemCode(deps, server, fetch, response, secrets);
    await requireConfigured(tokenResponse);
    const granting = library.processAuthorizationCodeResponse(server, clientOf(deps), tokenResponse);
    const { access_token: token } = await granting;
    const [user, emails] = [await read("/user", token), await read("/user/emails?per_page=100", token)];
    const list: readonly unknown[] = Array.isArray(emails) ? emails : [];
    const primary = list.find((each) => isObject(each) && each["primary"] === true);
    // GitHub has proven the primary address that it calls verified.
    const address = isObject(primary)
      ? readAddress(primary["email"], primary["verified"], everywhere, settings)
      : noAddress;
    return { issuer, subject: subjectOf(user), hasSecondFactor: false, ...address };
  }

  return {
    settings,
    issuers: [issuer],
    authorizationUrl: (secrets) =>
      buildAuthorizationUrl(deps, server.authorization_endpoint, secrets, { scope: "user:email" }),
    identify: (response, secrets) => orRejected(library, "code", () => redeem(response, secrets)),
    close: () => {},
  };
}

/** Throws ProviderFailure. Otherwise a wrong secret would look like a wrong code of each user. */
async function requireConfigured(response: Response): Promise<void> {
  const failure = configurationErrors.get((await readObject(response))?.["error"]);
  if (failure !== undefined) throw new ProviderFailure(failure);
}

export function githubApi(issuer: string): string {
  const base = issuer.replace(/\/$/, "");
  return base === publicGithub ? "https://api.github.com" : `${base}/api/v3`;
}

/** The number of the account. A login name can be given to another person. */
function subjectOf(user: unknown): string {
  const id = isObject(user) ? user["id"] : undefined;
  if (!Number.isSafeInteger(id) || Number(id) <= 0) throw new OutsideRejection("user");
  return String(id);
}
