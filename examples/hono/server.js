// Ampho on Hono. `authorize` is middleware, and TypeScript infers `c.get("auth")`.
import { serve } from "@hono/node-server";
import { createAmpho } from "ampho";
import { authorize, mount } from "ampho/hono";
import { Hono } from "hono";

const ampho = await createAmpho();
const app = new Hono();

// POST /api/security/login, /renew, /logout, … `app.onError` gets rejected requests as HTTPException.
app.use(mount(ampho));

app.get("/", (c) => c.text("Log in at /api/security/login\n"));
app.get("/hello", authorize(ampho), (c) => c.text(`Hello ${c.get("auth").login}\n`));

const editors = new Hono()
  .use(authorize(ampho, { roles: ["editor"] }))
  .get("/", (c) => c.text(`Hello editor ${c.get("auth").login}\n`));
app.route("/editors", editors);

const server = serve(
  { fetch: app.fetch, port: Number(process.env.PORT ?? 3000), hostname: "127.0.0.1" },
  ({ port }) => {
    console.log(`http://127.0.0.1:${port}`);
  },
);

process.once("SIGTERM", () => ampho.drain(server).then(ampho.close));
