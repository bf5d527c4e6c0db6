// Ampho on Express, 4 or 5. `authorize` is middleware for routes, routers and applications.
import { fileURLToPath } from "node:url";
import { createAmpho } from "ampho";
import { authorize, guarded, mount } from "ampho/express";
import express from "express";

const ampho = await createAmpho();
const app = express();

// POST /api/security/login, /renew, /logout, … Before or after body parsers, CORS and compression.
// To respond to rejected requests yourself: mount(ampho, { onRejected: (rejected, request, response, next) => next(rejected) }).
app.use(mount(ampho));

// A balancer asks this. It is 503 while the database is down, and from SIGTERM on.
app.get("/readyz", (request, response) =>
  ampho.health().then(({ status, body }) => response.status(status).json(body)),
);

// `/` is a page on which users sign in and out. No other page shows it in a frame. The client needs no bundler.
app.use((request, response, next) => {
  response.set("Content-Security-Policy", "frame-ancestors 'none'");
  next();
});
app.use(express.static(fileURLToPath(new URL("public", import.meta.url))));
app.use("/ampho", express.static(fileURLToPath(new URL(".", import.meta.resolve("ampho/browser/client.js")))));

app.get("/hello", authorize(ampho), (request, response) => response.send(`Hello ${request.auth.login}\n`));

// In a `guarded` handler TypeScript knows that `request.auth` is set.
app.get(
  "/hello/certain",
  guarded(ampho, (request, response) => response.send(`Hello ${request.auth.login}\n`)),
);

const editors = express.Router();
editors.use(authorize(ampho, { roles: ["editor"] }));
editors.get("/", (request, response) => response.send("Hello editor\n"));
app.use("/editors", editors);

const server = app.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${server.address().port}`);
});

process.once("SIGTERM", () => ampho.drain(server).then(ampho.close));
