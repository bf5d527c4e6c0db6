// Ampho on a host of the Fetch kind, here h3: `ampho.authorize` wraps handlers, without any adapter.
import { createAmpho } from "ampho";
import { H3, serve } from "h3";

const ampho = await createAmpho({ cookies: true });
const { authorize } = ampho;
const app = new H3();

// POST /api/security/login, /renew, /logout, …
app.all("/api/security/**", (event) => ampho.fetch(event.req, { address: event.req.ip }));

// A session goes on after the end of its access token, in every route. This guards nothing.
app.use(async (event, next) => {
  const { addCookies } = await ampho.renew(event.req, { address: event.req.ip });
  const value = await next();
  if (value instanceof Response) return addCookies(value);
  addCookies(event.res);
  return value;
});

app.get("/", () => "Log in at /api/security/login\n");
app.get(
  "/hello",
  authorize((event, auth) => new Response(`Hello ${auth.login}\n`)),
);
app.get(
  "/editors",
  authorize({ roles: ["editor"] }, () => new Response("Hello editor\n")),
);

const server = serve(app, {
  port: Number(process.env.PORT ?? 3000),
  hostname: "127.0.0.1",
  silent: true,
  gracefulShutdown: false,
});
await server.ready();
console.log(server.url);

process.once("SIGTERM", () => ampho.drain(server.node.server).then(ampho.close));
