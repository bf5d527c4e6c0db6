// Ampho on Fastify. `authorize` is a hook for routes and for whole scopes.
import { createAmpho } from "ampho";
import { authorize, guarded, mount } from "ampho/fastify";
import fastify from "fastify";

const ampho = await createAmpho();
const app = fastify();

// POST /api/security/login, /renew, /logout, … Your error handler gets rejected requests, with statusCode and code.
app.register(mount(ampho));

app.get("/", async () => "Log in at /api/security/login\n");
app.get("/hello", { onRequest: authorize(ampho) }, async (request) => `Hello ${request.auth.login}\n`);

// In a `guarded` handler TypeScript knows that `request.auth` is set.
app.get(
  "/hello/certain",
  guarded(ampho, async (request) => `Hello ${request.auth.login}\n`),
);

app.register(
  async (editors) => {
    editors.addHook("onRequest", authorize(ampho, { roles: ["editor"] }));
    editors.get("/", async () => "Hello editor\n");
  },
  { prefix: "/editors" },
);

app.addHook("onClose", () => ampho.close());
console.log(await app.listen({ port: Number(process.env.PORT ?? 3000), host: "127.0.0.1" }));

process.once("SIGTERM", () => ampho.drain(app.server).then(app.close));
