// Service accounts that can do nothing.
import type { Configuration } from "../../config/configuration.js";
import type { Store } from "../../store/store.js";
import { type Finding, warning } from "../finding.js";

export async function checkServices(
  store: Pick<Store, "listServices">,
  { tokenEndpoint }: Pick<Configuration, "tokenEndpoint">,
): Promise<readonly Finding[]> {
  const services = (await store.listServices()).filter(
    // A client of users gets the tokens of users.
    ({ disabled, redirects, scopes }) => !disabled && (redirects === undefined || scopes.length > 0),
  );
  const empty = services.filter(({ scopes }) => scopes.length === 0).map(({ name }) => name);
  const noScope = `These service accounts have no scope, so they can do nothing: ${empty.join(", ")}.`;
  const addScopes = "Give them scopes with `ampho service-scopes`, or delete them with `ampho service-delete`.";
  const noTokens = "There are service accounts, and AMPHO_SECURITY_TOKEN_ENDPOINT is false. They get no access tokens.";
  const allowTokens = "Set AMPHO_SECURITY_TOKEN_ENDPOINT=true, or delete them with `ampho service-delete`.";
  return [
    ...(empty.length > 0 ? [warning("services", noScope, addScopes)] : []),
    ...(services.length > 0 && !tokenEndpoint ? [warning("services", noTokens, allowTokens)] : []),
  ];
}
