// Ampho in front of WebSockets. `guardedUpgrade` guards upgrade requests, and reports when a token stops authorizing.
import { createServer } from "node:http";
import { createAmpho } from "ampho";
import { guarded, guardedUpgrade, mount, offeredProtocols } from "ampho/node";
import { WebSocketServer } from "ws";

const ampho = await createAmpho();
const rest = mount(ampho);

const routes = new Map([
  ["/", (request, response) => response.end("Log in at /api/security/login\n")],
  ["/hello", guarded(ampho, (request, response) => response.end(`Hello ${request.auth.login}\n`))],
  ["/editors", guarded(ampho, { roles: ["editor"] }, (request, response) => response.end("Hello editor\n"))],
]);
const server = createServer((request, response) => (routes.get(request.url) ?? rest)(request, response));

// A browser sends the token as a subprotocol: new WebSocket(url, ["chat.v1", "bearer." + token]).
const sockets = new WebSocketServer({
  noServer: true,
  handleProtocols: (_offered, request) => offeredProtocols(request)[0] ?? false,
});
const upgrade = guardedUpgrade(ampho, (request, socket, head, ended) =>
  sockets.handleUpgrade(request, socket, head, (peer) => {
    // The session has ended, the user is disabled, or the token has expired: renew, and connect again.
    ended.addEventListener("abort", () => peer.close(4401, "session ended"));
    peer.send(`Hello ${request.auth.login}\n`);
  }),
);
server.on("upgrade", upgrade);

server.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${server.address().port}`);
});

process.once("SIGTERM", () => {
  for (const peer of sockets.clients) peer.close(1001);
  ampho.drain(server).then(ampho.close);
});
