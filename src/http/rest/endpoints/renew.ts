// POST /renew: returns the tokens of a session's next generation, by its refresh token or by its access token.
import { z } from "zod";
import { AmphoError } from "../../../errors.js";
import type { Grant } from "../../../wire/login.js";
import type { Call } from "../route.js";
import { opaque } from "../schemas.js";

export const renewal = z.object({
  refresh_token: opaque.optional().meta({ description: "a text: the newest `refresh_token`" }),
});

export function renew(call: Call<z.output<typeof renewal> | undefined, undefined>): Promise<Grant> {
  const { flows, input, bearer, cookies, caller, idempotencyKey } = call;
  const refreshToken = input?.refresh_token ?? cookies.refreshToken;
  if (cookies.refreshToken !== undefined && refreshToken !== cookies.refreshToken)
    throw new AmphoError("invalid_request", "The body and the cookie hold different refresh tokens. Send one.");
  // A browser sends both cookies. Then the refresh token renews, and the access token's cookie is ignored.
  const accessToken = refreshToken !== undefined && bearer === cookies.token ? undefined : bearer;
  if (refreshToken !== undefined && accessToken !== undefined)
    throw new AmphoError("invalid_request", "The request has a refresh token and a bearer token. Send one of them.");
  if (refreshToken !== undefined) return flows.renew({ refreshToken, idempotencyKey }, caller);
  if (accessToken !== undefined) return flows.renew({ accessToken, idempotencyKey }, caller);
  if (input === undefined)
    throw new AmphoError("missing_token", "Send a refresh token in the body, or a bearer token in Authorization.");
  throw new AmphoError("invalid_request", '"refresh_token" is missing, and the request has no bearer token.', {
    field: "refresh_token",
  });
}
