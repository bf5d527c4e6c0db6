// Ampho on node:http. `guarded` wraps a handler, which then has `request.auth`.
import { createServer } from "node:http";
import { createAmpho } from "ampho";
import { guarded, mount } from "ampho/node";

const ampho = await createAmpho();
const rest = mount(ampho); // POST /api/security/login, /renew, /logout, … and 404 for other paths

const routes = new Map([
  ["/", (request, response) => response.end("Log in at /api/security/login\n")],
  ["/hello", guarded(ampho, (request, response) => response.end(`Hello ${request.auth.login}\n`))],
  ["/editors", guarded(ampho, { roles: ["editor"] }, (request, response) => response.end("Hello editor\n"))],
]);

const server = createServer((request, response) => (routes.get(request.url) ?? rest)(request, response));
server.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${server.address().port}`);
});

process.once("SIGTERM", () => ampho.drain(server).then(ampho.close));
