// An application as an attacker finds it: Ampho beside an open route and a guarded one, on one node:http server.
// Prints its port, then one line for each handler that is reached, with the user.
import { createServer } from "node:http";
import { authorize, mount } from "../../../dist/adapters/node.js";
import { createAmpho } from "../../../dist/index.js";

const ampho = await createAmpho({ log: (line) => process.stderr.write(`${line}\n`) });
const [security, guard] = [mount(ampho), authorize(ampho)];
const reached = (name) => (request, response) => {
  console.log(`${name} ${request.auth?.login ?? "nobody"}`);
  response.end(name);
};
const guarded = reached("guarded");
const routes = {
  "/open": reached("open"),
  "/guarded": (request, response) => guard(request, response, () => guarded(request, response)),
};

const server = createServer((request, response) =>
  security(request, response, () => {
    // As tolerant as the router of an application can be: everything close to the guarded route meets the guard.
    const path = (request.url ?? "/").replace(/^https?:\/\/[^/]*/i, "").replace(/[?;].*$/s, "");
    const near = path
      .toLowerCase()
      .replaceAll("%67", "g")
      .replace(/^\/+|\/+$/g, "");
    const handle = routes[`/${near}`];
    if (handle !== undefined) return handle(request, response);
    response.statusCode = 404;
    return response.end();
  }),
);
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
// Also after the process that started it was killed.
process.stdin.resume().once("end", () => {
  server.closeAllConnections();
  server.close(() => void ampho.close());
});
