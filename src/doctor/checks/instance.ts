// Checks a running instance as its clients see it: TLS, clock, readiness, proxies, keys. It sends no secret.
import { connect, type TLSSocket } from "node:tls";
import { isDeepStrictEqual } from "node:util";
import type { Configuration } from "../../config/configuration.js";
import { relatedOriginsOf, relyingPartyOf } from "../../factors/passkey/relying-party.js";
import { forwardedIgnored } from "../../http/rest/request/client-address.js";
import { type BoundedResponse, boundedFetch, documentLimits, FetchFailure } from "../../outbound/bounded-fetch.js";
import { isSecureUrl } from "../../outbound/secure-url.js";
import { metadataDocuments, metadataUrlOf } from "../../resources.js";
import type { Key } from "../../signing-keys/key.js";
import { error, type Finding, finding, note, warning } from "../finding.js";
import { checkMetadata } from "./connect.js";

const day = 86_400;
const [skewWarnSeconds, certificateDays] = [5, 14];

/** Error codes of Node for a certificate that it does not trust. */
const untrusted = /^(?:CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_CERT_)/;

/** `api` is the URL of the REST API, prefix included. */
export async function checkInstance(
  api: URL,
  configuration: Configuration,
  keys: readonly Key[],
  now: () => number,
): Promise<readonly Finding[]> {
  const root = new URL(api);
  root.pathname = root.pathname.slice(0, -configuration.restPrefix.length);
  try {
    const published = await get(api, "/.well-known/jwks.json");
    return [
      ...(await checkTls(api, published, now())),
      ...checkClock(published.headers.get("date"), configuration, now()),
      ...checkKeys(published, keys),
      ...(await checkReadiness(root)),
      ...(await checkRelatedOrigins(root, configuration)),
      ...(await checkResources(root, configuration)),
      ...(await checkMetadata(configuration, async (url) => {
        const document = await readOf(root, url);
        return document?.status === 200 ? membersOf(document) : undefined;
      })),
    ];
  } catch (failure) {
    if (!(failure instanceof FetchFailure)) throw failure;
    const code = codeOf(failure);
    const fix = untrusted.test(code)
      ? "Check that its certificate is valid for this name and from an authority that Node trusts. For an authority of your own, set NODE_EXTRA_CA_CERTS=ca.pem."
      : "Check that the instance is running and that --url leads to it.";
    return [error("instance", `The server did not respond (${code || failure.message}).`, fix)];
  }
}

/** `base` is the URL of a server, whose path is put before `path`. Rejects with FetchFailure. */
const get = (base: URL, path: string): Promise<BoundedResponse> =>
  boundedFetch(new URL(base.pathname.replace(/\/+$/, "") + path, base), documentLimits);

/** The code of Node for the reason, or an empty text. `fetch` hides it two levels deep. */
function codeOf({ cause }: FetchFailure): string {
  const reason = cause instanceof Error ? cause.cause : undefined;
  return reason instanceof Error && "code" in reason ? String(reason.code) : "";
}

/** The members of the JSON object in the body, or none. */
function membersOf({ body }: BoundedResponse): Readonly<Record<string, unknown>> {
  try {
    return { ...(JSON.parse(body.toString("utf8")) as object) };
  } catch {
    return {};
  }
}

async function checkTls(api: URL, response: BoundedResponse, now: number): Promise<readonly Finding[]> {
  if (api.protocol === "http:") {
    const plain = "The instance is reached over http. An attacker on the network path can read passwords and tokens.";
    return isSecureUrl(api) ? [] : [error("tls", plain, "Put a TLS proxy in front, and pass its https URL as --url.")];
  }
  const findings: Finding[] = [];
  const until = await certificateUntil(api);
  const days = until === undefined ? undefined : Math.floor((until / 1000 - now) / day);
  if (days !== undefined && days < certificateDays)
    findings.push(warning("tls", `The certificate expires in ${days} days.`, "Renew it automatically."));
  if (!response.headers.has("strict-transport-security"))
    findings.push(
      note("tls", "Responses carry no Strict-Transport-Security header (RFC 6797).", "Let the TLS proxy add it."),
    );
  return findings;
}

/** Returns the end of the certificate in Unix milliseconds, or undefined if it cannot be read. */
function certificateUntil({ hostname, port }: URL): Promise<number | undefined> {
  return new Promise((resolve) => {
    const host = hostname.replace(/^\[|\]$/g, "");
    const socket: TLSSocket = connect({ host, servername: host, port: Number(port || 443), timeout: 5_000 }, () => {
      resolve(Date.parse(socket.getPeerCertificate().valid_to));
      socket.destroy();
    });
    const end = () => {
      resolve(undefined);
      socket.destroy();
    };
    socket.once("error", end).once("timeout", end);
  });
}

function checkClock(date: string | null, { tokenLeeway }: Configuration, now: number): readonly Finding[] {
  const skew = Math.floor(Date.parse(date ?? "") / 1000) - now || 0;
  const apart = Math.abs(skew);
  if (apart <= skewWarnSeconds) return [];
  const severity = apart > tokenLeeway ? "error" : "warning";
  const message = `The clock of the instance is ${apart} seconds ${skew > 0 ? "ahead of" : "behind"} this machine (by its Date header).`;
  return [finding(severity, "clock", message, "Run NTP on both machines.")];
}

function checkKeys(published: BoundedResponse, keys: readonly Key[]): readonly Finding[] {
  const { keys: jwks } = membersOf(published);
  if (published.status !== 200 || !Array.isArray(jwks)) {
    const message = `There is no JWK Set under the REST prefix. The response had status ${published.status}.`;
    return [error("instance", message, "Check --url, and check that AMPHO_SECURITY_REST_PREFIX is the same there.")];
  }
  const [signing] = keys;
  if (signing?.publicJwk === undefined) return [];
  const known = jwks.some((jwk) => typeof jwk === "object" && jwk !== null && "kid" in jwk && jwk.kid === signing.kid);
  if (known) return [];
  const message = "The instance does not publish the key that is configured here.";
  const fix = "Restart the instance with this configuration. If the key is revoked, replace it first.";
  return [warning("signing-key", message, fix)];
}

async function checkReadiness(root: URL): Promise<readonly Finding[]> {
  const response = await get(root, "/readyz");
  // An application that mounts Ampho has probes of its own.
  if (response.status === 404) return [];
  if (response.status !== 200) {
    const message = `/readyz returned ${response.status}. The database of the instance does not respond.`;
    return [error("instance", message, "See docs/operate/incidents.md, Bad days.")];
  }
  const { warnings } = membersOf(response);
  return Array.isArray(warnings) ? warnings.filter(isWarningCode).map(findingOf) : [];
}

/** Any other text comes from another server, and is not printed. */
const isWarningCode = (value: unknown): value is string => typeof value === "string" && /^[a-z_]{1,40}$/.test(value);

function findingOf(code: string): Finding {
  if (code !== forwardedIgnored)
    return error("instance", `/readyz warns of ${code}.`, "See docs/operate/metrics.md, AmphoWarns.");
  const message =
    "A proxy adds X-Forwarded-For or Forwarded, but AMPHO_TRUST_PROXY is 0. Every client appears with the address of the proxy.";
  return error("proxy", message, "Set AMPHO_TRUST_PROXY to the number of proxies in front.");
}

/** Browsers read the document at the host of the relying party. A local instance is asked in its place. */
async function checkRelatedOrigins(root: URL, configuration: Configuration): Promise<readonly Finding[]> {
  const party = relyingPartyOf(configuration);
  const related = party === undefined ? [] : relatedOriginsOf(party);
  if (party === undefined || related.length === 0) return [];
  const isLocal = root.protocol === "http:" && isSecureUrl(root);
  const host = isLocal || root.hostname === party.id ? root : new URL(`https://${party.id}`);
  try {
    const response = await get(host, "/.well-known/webauthn");
    const { origins } = response.status === 200 ? membersOf(response) : { origins: [] };
    if (Array.isArray(origins) && related.every((origin) => origins.includes(origin))) return [];
  } catch (failure) {
    if (!(failure instanceof FetchFailure)) throw failure;
  }
  const message = `https://${party.id}/.well-known/webauthn does not list every related origin, so passkeys do not work on their pages.`;
  return [warning("passkeys", message, "Let that host pass this path to Ampho.")];
}

/** A local instance is asked in the place of every host. Undefined for a server that does not respond. */
function readOf(root: URL, url: URL): Promise<BoundedResponse | undefined> {
  const isLocal = root.protocol === "http:" && isSecureUrl(root);
  return boundedFetch(isLocal ? new URL(url.pathname, root) : url, documentLimits).catch((failure: unknown) => {
    if (!(failure instanceof FetchFailure)) throw failure;
    return undefined;
  });
}

/**
 * Checks protected resources as their clients see them (RFC 9728): the metadata, and the challenge that leads to it.
 */
async function checkResources(root: URL, { resources }: Configuration): Promise<readonly Finding[]> {
  const documents = metadataDocuments(resources);
  const respond = (url: URL) => readOf(root, url);
  const checked = resources.map(async ({ resource }) => {
    const url = new URL(metadataUrlOf(resource));
    const document = await respond(url);
    const wrong = `${url} is not the metadata that is configured here, so clients of ${resource} do not find out how to get a token.`;
    const pass =
      "Let the host of the resource pass this path to Ampho, and restart the instance with this configuration.";
    if (document?.status !== 200 || !isDeepStrictEqual(membersOf(document), documents.get(url.pathname)))
      return [warning("resources", wrong, pass)];
    const challenge = (await respond(new URL(resource)))?.headers.get("www-authenticate") ?? "";
    if (challenge.includes(`resource_metadata="${url}"`)) return [];
    const message = `GET ${resource} without a token gets no challenge that leads to its metadata.`;
    return [warning("resources", message, `Guard its routes with authorize({ resource: "${resource}" }).`)];
  });
  return (await Promise.all(checked)).flat();
}
