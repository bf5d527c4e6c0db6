// Checks protected resources as their clients see them (RFC 9728): the metadata, and the challenge that leads to it.
import { isDeepStrictEqual } from "node:util";
import type { Configuration } from "../../config/configuration.js";
import { type BoundedResponse, boundedFetch, documentLimits, FetchFailure } from "../../outbound/bounded-fetch.js";
import { isSecureUrl } from "../../outbound/secure-url.js";
import { metadataDocuments, metadataUrlOf, type Resource } from "../../resources.js";
import { type Finding, warning } from "../finding.js";

/** `root` is the URL of the instance. A local instance is asked in the place of every resource. */
export async function checkResources(root: URL, { resources }: Configuration): Promise<readonly Finding[]> {
  const documents = metadataDocuments(resources);
  const isLocal = root.protocol === "http:" && isSecureUrl(root);
  const get = (url: URL) => respond(isLocal ? new URL(url.pathname, root) : url);
  const checked = resources.map(async ({ resource }: Resource) => {
    const metadata = new URL(metadataUrlOf(resource));
    const document = await get(metadata);
    if (document?.status !== 200 || !isDeepStrictEqual(jsonOf(document), documents.get(metadata.pathname)))
      return warning(
        "resources",
        `${metadata} is not the metadata that is configured here, so clients of ${resource} do not find out how to get a token.`,
        "Let the host of the resource pass this path to Ampho, and restart the instance with this configuration.",
      );
    const challenge = (await get(new URL(resource)))?.headers.get("www-authenticate") ?? "";
    if (challenge.includes(`resource_metadata="${metadata}"`)) return undefined;
    return warning(
      "resources",
      `GET ${resource} without a token gets no challenge that leads to its metadata.`,
      `Guard its routes with authorize({ resource: "${resource}" }).`,
    );
  });
  return (await Promise.all(checked)).filter((one) => one !== undefined);
}

/** Undefined for a server that does not respond. */
async function respond(url: URL): Promise<BoundedResponse | undefined> {
  try {
    return await boundedFetch(url, documentLimits);
  } catch (error) {
    if (!(error instanceof FetchFailure)) throw error;
    return undefined;
  }
}

function jsonOf({ body }: BoundedResponse): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return undefined;
  }
}
