import { ampho } from "./ampho.js";

const hello = ampho.authorize((_request: Request, auth) => new Response(`Hello ${auth.login}`));
type Info = { remoteAddr: { hostname: string } };
export const handler = (request: Request, info: Info): Promise<Response> =>
  new URL(request.url).pathname === "/hello"
    ? hello(request)
    : ampho.fetch(request, { address: info.remoteAddr.hostname });
