// An application that mounts Ampho on Express, with the last line of docs/operate/deploying.md.
import express from "express";
import { authorize, mount } from "../../../dist/adapters/express.js";
import { createAmpho } from "../../../dist/index.js";

const ampho = await createAmpho({ databaseUrl: process.argv[2], log: () => {} });
const app = express();
app.use(mount(ampho));
app.get("/readyz", async (_request, response) => {
  const { status, body } = await ampho.health();
  response.status(status).json(body);
});
let begun = 0;
app.get("/hello", authorize(ampho), async (request, response) => {
  begun += 1;
  await new Promise((resolve) => setTimeout(resolve, 20));
  response.send(request.auth.login);
});
const server = app.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.once("SIGTERM", async () => {
  await ampho.drain(server);
  await ampho.close();
  console.log(`begun: ${begun}`);
});
