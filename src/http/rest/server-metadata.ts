// The metadata of the authorization server (RFC 8414), from the configuration alone: no request chooses a URL in it.
import { grantTypesOf } from "../../flows/connect/token-endpoint.js";
import type { Deps } from "../../flows/deps.js";
import { algorithmFacts, algorithmNames } from "../../signing-keys/algorithms.js";

const wellKnown = "/.well-known/oauth-authorization-server";

/** With the path of the issuer behind it (RFC 8414 §3.1). Undefined where no tokens are issued to programs. */
export function serverMetadata(settings: Deps["settings"]): { path: string; document: object } | undefined {
  const { tokenIssuer: issuer, appUrl, apiUrl, restPrefix, connect, scopeTexts, tokenEndpoint } = settings;
  const grantTypes = grantTypesOf(settings);
  const origin = apiUrl ?? (appUrl === undefined ? undefined : new URL(appUrl).origin);
  if (grantTypes.length === 0 || issuer === undefined || origin === undefined || !URL.canParse(issuer))
    return undefined;
  const url = (path: string) => `${origin}${restPrefix}${path}`;
  const connects = connect.length > 0;
  const keys = tokenEndpoint ? ["client_secret_basic", "client_secret_post", "private_key_jwt"] : ["private_key_jwt"];
  // Clients of users look for `none`, which RFC 8414 calls a method too.
  const methods = connects ? ["none", ...keys] : keys;
  const document = {
    issuer,
    ...(connects && { authorization_endpoint: url("/authorize") }),
    token_endpoint: url("/token"),
    revocation_endpoint: url("/revoke"),
    ...(tokenEndpoint && { introspection_endpoint: url("/introspect") }),
    jwks_uri: url("/.well-known/jwks.json"),
    response_types_supported: connects ? ["code"] : [],
    ...(connects && { response_modes_supported: ["query"], scopes_supported: Object.keys(scopeTexts) }),
    grant_types_supported: grantTypes,
    token_endpoint_auth_methods_supported: methods,
    token_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
    revocation_endpoint_auth_methods_supported: ["none"],
    code_challenge_methods_supported: ["S256"],
    ...(connects && { authorization_response_iss_parameter_supported: true }),
    ...(connect.includes("dynamic") && { registration_endpoint: url("/clients") }),
    ...(connect.some((one) => one !== "registered" && one !== "dynamic") && {
      client_id_metadata_document_supported: true,
    }),
  };
  return { path: wellKnown + new URL(issuer).pathname.replace(/\/$/, ""), document };
}

/** A public key of a service account has one of them. */
const assertionAlgorithms = algorithmNames.filter((name) => algorithmFacts(name).kty !== "oct");
