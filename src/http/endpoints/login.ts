// POST /login: opens a session, or re-authenticates the one whose token is sent along.
import type { z } from "zod";
import type { Grant } from "../../auth/flows.js";
import type { Call } from "../endpoint.js";
import type { credentials } from "../shapes.js";

export function logIn({ flows, input, bearer, caller }: Call<z.output<typeof credentials>, undefined>): Promise<Grant> {
  return flows.login({ login: input.login, password: input.password, device: input.device, bearer }, caller);
}
