// Ampho on Koa. `authorize` is middleware for routes, routers and applications.
import Router from "@koa/router";
import { createAmpho } from "ampho";
import { authorize, mount } from "ampho/koa";
import Koa from "koa";

const ampho = await createAmpho();
const app = new Koa();

// POST /api/security/login, /renew, /logout, … Before or after body parsers, CORS and compression.
app.use(mount(ampho));

const router = new Router();
router.get("/", (ctx) => {
  ctx.body = "Log in at /api/security/login\n";
});
// Your middleware can catch the error of `authorize`, which has `status` and `code`.
router.get("/hello", authorize(ampho), (ctx) => {
  ctx.body = `Hello ${ctx.state.auth.login}\n`;
});

const editors = new Router({ prefix: "/editors" });
editors.use(authorize(ampho, { roles: ["editor"] }));
editors.get("/", (ctx) => {
  ctx.body = "Hello editor\n";
});
app.use(router.routes()).use(editors.routes());

const server = app.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${server.address().port}`);
});

process.once("SIGTERM", () => ampho.drain(server).then(ampho.close));
