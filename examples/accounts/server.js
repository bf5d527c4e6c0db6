// Pages on which people register, log in by mail, reset a forgotten password and change their address. Without AMPHO_MAIL_URL the
// mails are in the log.
import { fileURLToPath } from "node:url";
import { createAmpho } from "ampho";
import { mount } from "ampho/express";
import express from "express";

const ampho = await createAmpho();
const app = express();
app.use(mount(ampho));

// Serves the page, and the client from the package. Browsers load its modules unchanged. A bundler works too.
app.use(express.static(fileURLToPath(new URL("public", import.meta.url))));
app.use("/ampho", express.static(fileURLToPath(new URL("..", import.meta.resolve("ampho/client")))));

const port = Number(process.env.PORT ?? 3000);
const server = app.listen(port, "127.0.0.1", () => {
  console.log(`http://localhost:${port}`);
});

process.once("SIGTERM", () => {
  server.close(() => ampho.close());
  server.closeAllConnections();
});
