// Applications to which users connect their accounts: the scopes that they can get, and the metadata that they read.
import { isDeepStrictEqual } from "node:util";
import type { Configuration } from "../../config/configuration.js";
import { serverMetadata } from "../../http/rest/server-metadata.js";
import type { Store } from "../../store/store.js";
import { type Finding, warning } from "../finding.js";

export async function checkConnect(
  store: Pick<Store, "listServices">,
  { connect, scopeTexts, resources, tokenIssuer = "" }: Configuration,
): Promise<readonly Finding[]> {
  const clients = (await store.listServices()).filter((one) => one.redirects !== undefined && !one.disabled);
  if (connect.length === 0) {
    const message =
      "Users can connect to no application, because AMPHO_SECURITY_CONNECT is not set. There are clients.";
    const fix = "Set AMPHO_SECURITY_CONNECT=registered, or run `ampho service-client NAME --none`.";
    return clients.length > 0 ? [warning("connect", message, fix)] : [];
  }
  const own = resources.filter(({ servers }) => servers.includes(tokenIssuer));
  const scopes = [...clients.flatMap(({ userScopes = [] }) => userScopes), ...own.flatMap((one) => one.scopes)];
  const silent = [...new Set(scopes)].filter((scope) => !Object.hasOwn(scopeTexts, scope));
  const message = `No user can give these scopes, because they have no text: ${silent.join(", ")}.`;
  const fix = "Add them to AMPHO_SECURITY_SCOPE_TEXTS, or take them from the resources and clients that name them.";
  return silent.length > 0 ? [warning("connect", message, fix)] : [];
}

/** `read` returns the JSON object at a URL, or undefined. */
export async function checkMetadata(
  configuration: Configuration,
  read: (url: URL) => Promise<object | undefined>,
): Promise<readonly Finding[]> {
  const metadata = configuration.connect.length > 0 ? serverMetadata(configuration) : undefined;
  if (metadata === undefined) return [];
  const url = new URL(metadata.path, configuration.tokenIssuer);
  if (isDeepStrictEqual(await read(url), metadata.document)) return [];
  const message = `${url} is not the metadata that is configured here, so applications do not find the endpoints.`;
  const fix = "Let that host pass this path to Ampho, and restart the instance with this configuration.";
  return [warning("connect", message, fix)];
}
