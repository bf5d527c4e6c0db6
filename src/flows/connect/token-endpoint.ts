// The grants of the token endpoint, one row each (RFC 6749 §4.1.3, §4.4, §6, RFC 8693).
import { AmphoError } from "../../errors.js";
import type { IssuedToken } from "../../wire/services.js";
import type { Caller, Deps, Flow } from "../deps.js";
import { issueServiceToken, type TokenRequest } from "../machines/tokens.js";
import { exchangeGrant, exchangeToken } from "./exchange.js";
import { grantByCode, grantByRefreshToken } from "./tokens.js";

interface GrantRow {
  readonly isServed: (settings: Deps["settings"]) => boolean;
  readonly issue: (deps: Deps, request: TokenRequest, caller: Caller) => Promise<IssuedToken>;
}

const connects: GrantRow["isServed"] = ({ connect }) => connect.length > 0;

const grants: Readonly<Record<string, GrantRow>> = {
  client_credentials: { isServed: ({ tokenEndpoint }) => tokenEndpoint, issue: issueServiceToken },
  [exchangeGrant]: { isServed: ({ tokenEndpoint }) => tokenEndpoint, issue: exchangeToken },
  authorization_code: { isServed: connects, issue: grantByCode },
  refresh_token: { isServed: connects, issue: grantByRefreshToken },
};

export const grantTypesOf = (settings: Deps["settings"]): readonly string[] =>
  Object.keys(grants).filter((name) => grants[name]?.isServed(settings));

/** Rejects with the errors of RFC 6749 §5.2, `too_many_attempts` or `unavailable`. */
export const issueToken: Flow<IssuedToken, TokenRequest & { readonly grantType: string }> = async (
  deps,
  { grantType, ...request },
  caller,
) => {
  const served = grantTypesOf(deps.settings);
  const grant = served.includes(grantType) ? grants[grantType] : undefined;
  if (grant === undefined) throw new AmphoError("unsupported_grant_type", "This grant type is not supported here.");
  deps.tokens.requireSigningKey();
  return grant.issue(deps, request, caller);
};
