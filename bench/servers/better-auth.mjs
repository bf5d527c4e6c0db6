// better-auth on node:http, and a route behind its session check.
import { createServer } from "node:http";
import { fromNodeHeaders, toNodeHandler } from "better-auth/node";
import { announce } from "./announce.mjs";
import { openBetterAuth } from "./better-auth-instance.mjs";

const { auth, cookie } = await openBetterAuth();
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
