// Pages on which users log in with passkeys and manage them. AMPHO_APP_URL in config/default.json switches passkeys on.
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

// Only a login with a passkey reaches this level.
app.get("/api/secret", authorize(ampho, { acr: "phr" }), (request, response) => {
  response.json({ text: `Only ${request.auth?.login} and a passkey open this.` });
});

const port = Number(process.env.PORT ?? 3000);
const server = app.listen(port, "127.0.0.1", () => {
  console.log(`http://localhost:${port}`);
});

process.once("SIGTERM", () => ampho.drain(server).then(ampho.close));
