// POST /login: opens a session, or re-authenticates the one whose token is sent along.
import type { z } from "zod";
import type { Grant } from "../../../sessions/session-tokens.js";
import type { Call } from "../route.js";
import type { credentials } from "../schemas.js";

export function logIn(call: Call<z.output<typeof credentials>, undefined>): Promise<Grant> {
  const { flows, input, bearer, cookies, caller } = call;
  const device = input.device ?? cookies.device;
  const superseded = { accessToken: cookies.token, refreshToken: cookies.refreshToken };
  return flows.login({ login: input.login, password: input.password, device, bearer, superseded }, caller);
}
