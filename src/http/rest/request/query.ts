// The query of a request target.
import { AmphoError } from "../../../errors.js";
import type { Members } from "./body.js";

const credentialNames = new Set(["access_token", "refresh_token", "token", "password"]);

/**
 * Throws `invalid_request` if the query names a credential. Queries end up in logs, browser histories and Referer headers.
 * Some programs put a semicolon between fields (HTML 4.01, B.2.2).
 */
export function rejectCredentials(query = ""): void {
  for (const name of new URLSearchParams(query.replaceAll(";", "&")).keys()) {
    if (!credentialNames.has(name.toLowerCase())) continue;
    throw new AmphoError(
      "invalid_request",
      "The query contains a credential. Send tokens in the Authorization header and passwords in the body.",
    );
  }
}

/** Returns the members. Throws `invalid_request` for a repeated name, because two readers could each believe a different one. */
export function queryMembers(query = ""): Members {
  const members = Object.create(null) as Record<string, unknown>;
  for (const [name, value] of new URLSearchParams(query)) {
    if (name in members) throw new AmphoError("invalid_request", "The query contains a name twice. Send it once.");
    members[name] = value;
  }
  return members;
}
