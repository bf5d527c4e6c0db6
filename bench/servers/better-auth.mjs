// better-auth with its defaults, its memory adapter, and a route behind its session check.
import { createServer } from "node:http";
import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { fromNodeHeaders, toNodeHandler } from "better-auth/node";
import { announce, password } from "./announce.mjs";

const email = "alice@example.com";
const tables = { user: [], session: [], account: [], verification: [] };
const auth = betterAuth({
  baseURL: "http://127.0.0.1",
  secret: "0123456789abcdef0123456789abcdef-bench",
  database: memoryAdapter(tables),
  emailAndPassword: { enabled: true },
  rateLimit: { enabled: false },
  logger: { disabled: true },
  trustedOrigins: ["*"],
});
const { headers } = await auth.api.signUpEmail({ body: { email, password, name: "Alice" }, returnHeaders: true });
const cookie = headers
  .getSetCookie()
  .map((value) => value.split(";")[0])
  .join("; ");
const handler = toNodeHandler(auth);
const body = JSON.stringify({ hello: "world" });
const plain = (response) => response.writeHead(200, { "Content-Type": "application/json" }).end(body);
const server = createServer(async (request, response) => {
  if (request.url === "/plain") return plain(response);
  if (request.url === "/guarded") {
    const session = await auth.api.getSession({ headers: fromNodeHeaders(request.headers) });
    return session ? plain(response) : response.writeHead(401).end();
  }
  return handler(request, response);
});
announce(server, { loginPath: "/api/auth/sign-in/email", tokens: [{ cookie }] });
