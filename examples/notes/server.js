// Notes: an application with a table of its own beside Ampho's, in one PostgreSQL database.
import { createAmpho } from "ampho";
import { authorize, mount } from "ampho/express";
import express from "express";
import pg from "pg";

const ampho = await createAmpho({ cookies: true });
const database = new pg.Pool({ connectionString: process.env.AMPHO_DATABASE_URL });
const app = express();
const folder = (url) => express.static(new URL(url, import.meta.url).pathname);

app.use(mount(ampho));
app.get("/readyz", (_, response) => ampho.health().then(({ status, body }) => response.status(status).json(body)));
app.use((_, response, next) => {
  response.set("Content-Security-Policy", "frame-ancestors 'none'"); // no other page shows ours in a frame
  next();
});
app.use(folder("public"), express.json());
app.use("/ampho", folder(import.meta.resolve("ampho/browser/client.js").replace(/[^/]*$/, "")));
app.use("/uqr", folder(import.meta.resolve("uqr").replace(/[^/]*$/, "")));

app.use("/notes", authorize(ampho));
app.get("/notes", async ({ auth }, response) => {
  const { rows } = await database.query("select text from notes where user_id = $1", [auth.id]);
  response.json(rows.map(({ text }) => text));
});
app.post("/notes", async ({ auth, body }, response) => {
  await database.query("insert into notes (user_id, text) values ($1, $2)", [auth.id, String(body?.text)]);
  response.sendStatus(204);
});
app.get("/all-notes", authorize(ampho, { roles: ["admin"] }), async (_, response) => {
  const { rows } = await database.query("select user_id, text from notes");
  const users = await ampho.users.findMany(rows.map(({ user_id }) => user_id));
  response.json(rows.map(({ user_id, text }) => ({ text, login: users.get(user_id)?.login })));
});

const server = app.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", (error) => {
  if (error) throw error;
  console.log(`http://localhost:${server.address().port}`);
});
process.once("SIGTERM", () => ampho.drain(server).then(() => Promise.all([ampho.close(), database.end()])));
