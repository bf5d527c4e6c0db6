// Documents at the root of the site, outside of the prefix (docs/guides/passkeys.md), from the configuration alone.
import { AmphoError } from "../../errors.js";
import { metadataDocuments, type Resource } from "../../resources.js";
import type { HttpResponse } from "./message.js";
import { jsonResponse, plainHeaders } from "./responses/response.js";

export type RootDocuments = ReadonlyMap<string, HttpResponse>;

/** `passkeyOrigins` are those of the relying party, and undefined while passkeys are not offered. */
export function createRootDocuments(
  appUrl: string | undefined,
  passkeyOrigins: readonly string[] | undefined,
  resources: readonly Resource[],
  server?: { readonly path: string; readonly document: object } | undefined,
): RootDocuments {
  // RFC 9728. Pages of every origin can read it, because the client of a resource can be one.
  const metadata = [...metadataDocuments(resources), ...(server ? [[server.path, server.document] as const] : [])].map(
    ([path, document]) => [path, jsonResponse(document, { "Access-Control-Allow-Origin": "*" })] as const,
  );
  return new Map<string, HttpResponse>([...metadata, ...accountDocuments(appUrl, passkeyOrigins)]);
}

function accountDocuments(appUrl: string | undefined, passkeyOrigins: readonly string[] | undefined): RootDocuments {
  if (appUrl === undefined) return new Map();
  const redirect = { status: 302, headers: { ...plainHeaders, Location: appUrl }, body: undefined };
  // https://w3c.github.io/webappsec-change-password-url/
  const passwordPage = ["/.well-known/change-password", redirect] as const;
  if (passkeyOrigins === undefined) return new Map([passwordPage]);
  // An Android application is no web origin.
  const origins = passkeyOrigins.filter((origin) => !origin.startsWith("android:"));
  return new Map<string, HttpResponse>([
    passwordPage,
    // Related origins (WebAuthn L3 §5.11).
    ["/.well-known/webauthn", jsonResponse({ origins })],
    // https://w3c.github.io/webappsec-passkey-endpoints/
    ["/.well-known/passkey-endpoints", jsonResponse({ enroll: appUrl, manage: appUrl })],
  ]);
}

/** Throws `method_not_allowed` for any method but GET and HEAD. */
export function requireRead(method: string | undefined): void {
  if (method !== "GET" && method !== "HEAD")
    throw new AmphoError("method_not_allowed", "This path allows only GET, HEAD.", { allow: ["GET", "HEAD"] });
}
