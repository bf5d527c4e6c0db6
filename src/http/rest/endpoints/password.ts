// POST /password: a new password; ends the user's other sessions.
import type { z } from "zod";
import type { Auth } from "../../../tokens/auth.js";
import type { Call } from "../route.js";
import type { passwordChange } from "../schemas.js";

export function changePassword({
  flows,
  auth,
  input,
  caller,
}: Call<z.output<typeof passwordChange>, Auth>): Promise<void> {
  return flows.changePassword({ auth, password: input.password, newPassword: input.new_password }, caller);
}
