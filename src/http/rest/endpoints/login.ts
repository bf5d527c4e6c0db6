// POST /login: creates a session, or re-authenticates the session whose bearer token the request carries.
import { z } from "zod";
import type { Grant } from "../../../sessions/session-tokens.js";
import type { Call } from "../route.js";
import { login, opaque, password } from "../schemas.js";

export const credentials = z.object({
  login,
  password: password.optional(),
  device: opaque.optional().meta({ description: "a text: the `device` of an earlier login" }),
});

export function logIn(call: Call<z.output<typeof credentials>, undefined>): Promise<Grant> {
  const { flows, input, bearer, cookies, caller } = call;
  const device = input.device ?? cookies.device;
  const superseded = { accessToken: cookies.token, refreshToken: cookies.refreshToken };
  return flows.login({ login: input.login, password: input.password, device, bearer, superseded }, caller);
}
