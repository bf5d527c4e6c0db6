// A service without the database. It prints its port.
import { createServer } from "node:http";
import { authorize } from "ampho/node";
import { createVerifier } from "ampho/verify";

const { AUTH_URL: url, FEED_TOKEN: token } = process.env;
const verifier = createVerifier({
  jwksUrl: `${url}/.well-known/jwks.json`,
  revocations: { url: `${url}/revocations`, token },
});
const guard = authorize(verifier, { roles: ["editor"] });
const server = createServer((request, response) => {
  if (request.url === "/lag") response.end(String(verifier.revocationLag()));
  else guard(request, response, () => response.end(request.auth.login));
});
// A client that was stopped for a while still finds its connection.
server.keepAliveTimeout = 600_000;
await verifier.ready();
server.listen(0, "127.0.0.1", () => process.stdout.write(`${server.address().port}\n`));
process.on("SIGTERM", () => {
  verifier.close();
  server.close();
  server.closeAllConnections();
});
