// Reads the tokens of a login or a renewal, from the body or from cookies (AMPHO_SECURITY_COOKIES).
import { membersOf, type Received } from "./exchange.js";

/** The cookies of an instance (docs/guides/cookies.md). */
export const cookieNames = {
  token: "__Host-ampho-token",
  refreshToken: "__Host-ampho-refresh",
  device: "__Host-ampho-device",
  transaction: "__Host-ampho-transaction",
} as const;

export interface Grant {
  readonly token: string | undefined;
  readonly refreshToken: string | undefined;
  readonly device: string | undefined;
  /** The transaction of a login that needs a second factor, or of a set-up. */
  readonly transaction: string | undefined;
  readonly byCookies: boolean;
}

export function grantOf(response: Received): Grant {
  const cookies = cookiesOf(response);
  const members = membersOf(response);
  const text = (name: string) => {
    const value = members[name];
    return typeof value === "string" ? value : undefined;
  };
  return {
    token: cookies.get(cookieNames.token) ?? text("token"),
    refreshToken: cookies.get(cookieNames.refreshToken) ?? text("refresh_token"),
    device: cookies.get(cookieNames.device) ?? text("device"),
    transaction: cookies.get(cookieNames.transaction) ?? text("transaction"),
    byCookies: cookies.has(cookieNames.token),
  };
}

/** Values by cookie name. A deleted cookie is left out. */
function cookiesOf({ headers }: Received): ReadonlyMap<string, string> {
  const all = headers.filter(([name]) => name === "set-cookie").map(([, value]) => /^([^=;]+)=([^;]*)/.exec(value));
  return new Map(all.flatMap((found) => (found?.[2] ? [[found[1] ?? "", found[2]] as const] : [])));
}
