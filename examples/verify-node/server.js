// A service without the database: it knows users by their tokens alone. It prints its URL.
import { createServer } from "node:http";
import { authorize } from "ampho/node";
import { createVerifier } from "ampho/verify";

const { AUTH_URL, FEED_TOKEN, ISSUER, AUDIENCE, LAG_MAX = "30s", PORT = "0" } = process.env;
const verifier = createVerifier({
  jwksUrl: `${AUTH_URL}/.well-known/jwks.json`,
  issuer: ISSUER,
  audience: AUDIENCE,
  revocations: { url: `${AUTH_URL}/revocations`, token: FEED_TOKEN, lagMax: LAG_MAX },
});
const guard = authorize(verifier);

const server = createServer((request, response) =>
  guard(request, response, () => {
    const { login, roles, credential } = request.auth;
    response.setHeader("Content-Type", "application/json").end(JSON.stringify({ login, roles, credential }));
  }),
);
await verifier.ready();
server.listen(Number(PORT), "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
