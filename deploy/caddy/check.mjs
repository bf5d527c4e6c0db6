// Asks Ampho about the bearer token of a request (RFC 7662), for `forward_auth` of Caddy (docs/guides/gateway.md).
import { createServer } from "node:http";

const { AMPHO_URL, GATEWAY_KEY, CHECK_PORT = "4000" } = process.env;
const scope = "articles:read";
const kinds = ["session", "api_key", "service"];

async function check(authorization = "") {
  const [, token] = /^Bearer +([\w.~+/-]{1,8192}=*)$/i.exec(authorization) ?? [];
  if (token === undefined) return 401;
  const response = await fetch(`${AMPHO_URL}/api/security/introspect`, {
    method: "POST",
    headers: { Authorization: `Bearer ${GATEWAY_KEY}` },
    body: new URLSearchParams({ token }),
  });
  if (!response.ok) throw new Error(`Ampho responded with ${response.status}`);
  const found = await response.json();
  if (!found.active || !found.sub) return 401;
  return kinds.includes(found.credential) && found.scope.split(" ").includes(scope) ? found : 403;
}

async function respond(request, response) {
  try {
    const found = await check(request.headers.authorization);
    if (found === 401) response.setHeader("WWW-Authenticate", "Bearer");
    if (typeof found === "number") return response.writeHead(found).end();
    response.writeHead(204, { "X-Auth-Id": found.sub, "X-Auth-Scopes": found.scope }).end();
  } catch (error) {
    console.error(error);
    response.writeHead(500).end();
  }
}

createServer(respond).listen(Number(CHECK_PORT), "127.0.0.1");
