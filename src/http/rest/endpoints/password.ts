// POST and DELETE /password: sets or removes the password, and ends the user's other sessions.
import { z } from "zod";
import type { Auth } from "../../../tokens/auth.js";
import type { Grant } from "../../../wire/login.js";
import type { Call } from "../route.js";
import { password } from "../schemas.js";

/** The policy checks the length of the new password, so that its rejection states a reason. */
const newPassword = z.string().meta({ ...password.meta() });

export const passwordChange = z.object({ password: password.optional(), new_password: newPassword });

export function changePassword(call: Call<z.output<typeof passwordChange>, Auth>): Promise<Grant> {
  const { flows, auth, input, caller } = call;
  return flows.changePassword({ auth, password: input.password, newPassword: input.new_password }, caller);
}

export function removePassword({ flows, auth, caller }: Call<undefined, Auth>): Promise<Grant> {
  return flows.removePassword({ auth }, caller);
}
