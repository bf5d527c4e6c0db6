// POST /logout: ends the session of the token.
import type { Auth } from "../../../tokens/auth.js";
import type { Call } from "../route.js";

export function logOut({ flows, auth, caller }: Call<undefined, Auth>): Promise<void> {
  return flows.logout({ auth }, caller);
}
