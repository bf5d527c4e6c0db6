import { expect, it } from "vitest";
import { openExchange } from "../../packages/attack/dist/exchange.js";
import { listening } from "../world/listen.js";

/** Responds to the first requests of each connection, and resets the connection at the next one. */
async function startServer(first: number): Promise<URL> {
  const seen = new WeakMap<object, number>();
  const { url } = await listening((request, response) => {
    const count = (seen.get(request.socket) ?? 0) + 1;
    seen.set(request.socket, count);
    if (count > first) request.socket.resetAndDestroy();
    else response.end("{}");
  });
  return new URL(url);
}

it("a request is sent again when the server resets the kept connection that it used", async () => {
  const exchange = openExchange(await startServer(1));
  for (let n = 0; n < 3; n++) expect((await exchange.send({ path: "/" })).status).toBe(200);
  exchange.close();
});

it("a server that resets new connections gets no request a second time", async () => {
  const exchange = openExchange(await startServer(0));
  await expect(exchange.send({ path: "/" })).rejects.toThrow("The server did not respond (ECONNRESET).");
  exchange.close();
});
