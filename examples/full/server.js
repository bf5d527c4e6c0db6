// A small application: an API on Express, and pages that use it with `ampho/client`. Notes are in memory, one list for each user.
import { fileURLToPath } from "node:url";
import { createAmpho } from "ampho";
import { authorize, mount } from "ampho/express";
import express from "express";

const ampho = await createAmpho();
const app = express();
// No other page shows the pages in a frame, where a user could be led to click.
app.use((_request, response, next) => {
  response.set("Content-Security-Policy", "frame-ancestors 'none'");
  next();
});
app.use(mount(ampho));

// Serves the pages, and the client from the package. Browsers load its modules unchanged. A bundler works too.
app.use(express.static(fileURLToPath(new URL("public", import.meta.url))));
app.use("/ampho", express.static(fileURLToPath(new URL(".", import.meta.resolve("ampho/browser/client.js")))));

const notes = new Map();
const notesOf = ({ auth }) => notes.get(auth.id) ?? [];

// Every route under /api needs a logged-in user, except /api/security, which `mount` has already served.
const api = express.Router();
api.use(authorize(ampho), express.json());
api.get("/notes", (request, response) => response.json(notesOf(request)));
api.post("/notes", (request, response) => {
  const text = String(request.body?.text ?? "").slice(0, 200);
  notes.set(request.auth.id, [...notesOf(request), text]);
  response.status(201).json({ text });
});
// Before all notes are deleted, the login must be at most a minute old.
api.delete("/notes", authorize(ampho, { maxAge: 60 }), (request, response) => {
  notes.delete(request.auth.id);
  response.status(204).end();
});
app.use("/api", api);

const server = app.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${server.address().port}`);
});

process.once("SIGTERM", () => ampho.drain(server).then(ampho.close));
