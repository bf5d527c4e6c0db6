// better-auth with its defaults and its memory adapter, and the cookie of one logged-in user.
import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { password } from "./announce.mjs";

export async function openBetterAuth() {
  const auth = betterAuth({
    baseURL: "http://127.0.0.1",
    secret: "0123456789abcdef0123456789abcdef-bench",
    database: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
    emailAndPassword: { enabled: true },
    rateLimit: { enabled: false },
    logger: { disabled: true },
    trustedOrigins: ["*"],
  });
  const body = { email: "alice@example.com", password, name: "Alice" };
  const { headers } = await auth.api.signUpEmail({ body, returnHeaders: true });
  const cookie = headers
    .getSetCookie()
    .map((value) => value.split(";")[0])
    .join("; ");
  return { auth, cookie };
}
