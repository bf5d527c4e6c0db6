import { ampho } from "./ampho.js";

export const routes = {
  "/hello": ampho.authorize((_request: Request, auth) => new Response(`Hello ${auth.login}`)),
  "/api/security/*": (request: Request, server: { requestIP(request: Request): { address: string } | null }) =>
    ampho.fetch(request, { address: server.requestIP(request)?.address }),
};
