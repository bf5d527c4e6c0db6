// POST /renew: the next generation of a session's tokens, by its refresh token or, the seed's way, by its access token.
import type { z } from "zod";
import { AmphoError } from "../../../errors.js";
import type { Grant } from "../../../sessions/session-tokens.js";
import type { Call } from "../route.js";
import type { renewal } from "../schemas.js";

export function renew(call: Call<z.output<typeof renewal> | undefined, undefined>): Promise<Grant> {
  const { flows, input, bearer, cookies, caller, idempotencyKey } = call;
  const refreshToken = input?.refresh_token ?? cookies.refreshToken;
  if (cookies.refreshToken !== undefined && refreshToken !== cookies.refreshToken) {
    throw new AmphoError("invalid_request", "The refresh token in the body and the one in the cookie differ.");
  }
  // Browsers send both cookies; the access token's would renew without a refresh token.
  const accessToken = refreshToken !== undefined && bearer === cookies.token ? undefined : bearer;
  if (refreshToken !== undefined && accessToken !== undefined) {
    throw new AmphoError("invalid_request", "Send a refresh token or a bearer token, not both.");
  }
  if (refreshToken !== undefined) return flows.renew({ refreshToken, idempotencyKey }, caller);
  if (accessToken !== undefined) return flows.renew({ accessToken, idempotencyKey }, caller);
  if (input === undefined) throw new AmphoError("missing_token", "A refresh token or a bearer token is needed.");
  throw new AmphoError("invalid_request", '"refresh_token" is missing, and there is no bearer token.');
}
