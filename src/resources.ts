// The protected resources of AMPHO_SECURITY_RESOURCES (RFC 9728): their form, and the documents that describe them.
import { isOwnScope } from "./levels/scopes.js";
import { isSecureUrl } from "./outbound/secure-url.js";

/**
 * A protected resource, such as an MCP server.
 * @example
 * const articles: ResourceInput = {
 *   resource: "https://api.example/mcp",
 *   scopes: ["articles:read"],
 *   servers: ["https://id.example"],
 * };
 */
export interface ResourceInput {
  /** Its identifier: the https URL of the resource, as it is in the claim `aud` of its tokens. */
  readonly resource: string;
  /** The scopes that clients can ask for, by default none. */
  readonly scopes?: readonly string[];
  /** The issuers of its tokens: URLs of authorization servers, by default none. */
  readonly servers?: readonly string[];
}

export type Resource = Required<ResourceInput>;

/** The parameters of a challenge that lead a client to the metadata of a resource. */
export interface ResourceChallenge {
  /** The URL of the metadata (RFC 9728 §5.1). */
  readonly metadata: string;
  /** The scopes that the client needs. */
  readonly scopes: readonly string[];
}

export const resourcesForm =
  'an array such as [{"resource":"https://api.example/mcp","scopes":["read"],"servers":["https://id.example"]}]. A resource is an https URL in its normal form (http on the loopback interface only). It has no query, no final slash and no `%`. No two have the same path';

/** Scopes are sent in a header. */
const scopesMax = 2048;
/** A proxy could rewrite any other path, and a quote would break out of a challenge. */
const plainPath = /^(?:\/[\w.~-]+)+$/;
const wellKnown = "/.well-known/oauth-protected-resource";

/** Returns a frozen copy. Undefined for anything that has not the form. */
export function parseResources(given: unknown): readonly Resource[] | undefined {
  if (!Array.isArray(given)) return undefined;
  const resources = given.map(parseResource);
  // The document is chosen by the path of the request alone, so `Host` chooses none.
  const paths = new Set(resources.map((one) => one && metadataPathOf(one.resource)));
  if (!resources.every((one) => one !== undefined) || paths.size < resources.length) return undefined;
  return Object.freeze(resources);
}

function parseResource(given: unknown): Resource | undefined {
  if (typeof given !== "object" || given === null) return undefined;
  const { resource, scopes = [], servers = [], ...others }: Readonly<Record<string, unknown>> = { ...given };
  if (!isUrl(resource) || !isResource(resource) || Object.keys(others).length > 0) return undefined;
  if (!isSet(scopes, isOwnScope) || scopes.join(" ").length > scopesMax || !isSet(servers, isUrl)) return undefined;
  return Object.freeze({ resource, scopes: Object.freeze([...scopes]), servers: Object.freeze([...servers]) });
}

/** `pathname` is "/" where there is none. */
function isResource(text: string): boolean {
  const { origin, pathname } = new URL(text);
  return plainPath.test(pathname) ? text === origin + pathname : text === origin && pathname === "/";
}

/** In one spelling, because clients compare it as a text. An issuer has no query and no fragment (RFC 8414 §2). */
function isUrl(value: unknown): value is string {
  if (typeof value !== "string" || !URL.canParse(value)) return false;
  const url = new URL(value);
  return isSecureUrl(url) && (url.href === value || url.href === `${value}/`) && !/[?#]/.test(value);
}

const isSet = (list: unknown, isRight: (item: unknown) => item is string): list is readonly string[] =>
  Array.isArray(list) && list.every(isRight) && new Set(list).size === list.length;

const pathOf = (resource: string) => new URL(resource).pathname.replace(/^\/$/, "");
const metadataPathOf = (resource: string) => wellKnown + pathOf(resource);

/** Returns the URL of the metadata of a resource (RFC 9728 §3.1). */
export const metadataUrlOf = (resource: string): string => new URL(resource).origin + metadataPathOf(resource);

/** Returns the metadata of each resource (RFC 9728 §2) by its path. The well-known path alone names the only one. */
export function metadataDocuments(resources: readonly Resource[]): ReadonlyMap<string, object> {
  const documents = resources.map((one) => [metadataPathOf(one.resource), metadataOf(one)] as const);
  const [first] = documents;
  return new Map([
    ...(first !== undefined && documents.length === 1 ? [[wellKnown, first[1]] as const] : []),
    ...documents,
  ]);
}

const metadataOf = ({ resource, scopes, servers }: Resource) => ({
  resource,
  ...(servers.length > 0 && { authorization_servers: servers }),
  ...(scopes.length > 0 && { scopes_supported: scopes }),
  bearer_methods_supported: ["header"],
});
