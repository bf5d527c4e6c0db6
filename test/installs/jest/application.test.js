// The tests of a CommonJS project, as Jest runs them without configuration.
const express = require("express");
const { AmphoError, createAmpho } = require("ampho");
const { createClient } = require("ampho/client");
const { authorize, mount } = require("ampho/express");
const { createVerifier } = require("ampho/verify");

const password = "violet kettle harbour morning";
const key = { kty: "oct", k: "A7d9rF3k0Wm3aC6cHn5bX1yZ8qL2pT4vE6uR9sD0gJk" };
let ampho;
let server;
let url;

beforeAll(async () => {
  ampho = await createAmpho({ databaseUrl: "sqlite::memory:", log: () => {}, key });
  await ampho.users.create({ login: "alice", password });
  const app = express();
  app.use(mount(ampho));
  app.get("/hello", authorize(ampho), (request, response) => response.send(request.auth.login));
  await new Promise((resolve) => {
    server = app.listen(0, "127.0.0.1", resolve);
  });
  url = `http://127.0.0.1:${server.address().port}`;
});
afterAll(async () => {
  server.close();
  await ampho.close();
});

test("a user who has logged in is accepted", async () => {
  const client = createClient({ baseUrl: url });
  await client.login("alice", password);
  expect(await (await client.fetch("/hello")).text()).toBe("alice");
  expect((await fetch(`${url}/hello`)).status).toBe(401);
});

test("errors are instances of the class that the application imports", async () => {
  await expect(createClient({ baseUrl: url }).login("alice", "wrong")).rejects.toBeInstanceOf(AmphoError);
  await expect(ampho.verify("nonsense")).rejects.toMatchObject({ code: "invalid_token" });
  await expect(createAmpho({ tokenTll: 5 })).rejects.toThrow(/tokenTtl/);
});

test("another service verifies the token", async () => {
  const { id } = await ampho.users.find("alice");
  const { token } = await ampho.sessions.create(id);
  expect((await createVerifier({ keys: key }).verify(token)).login).toBe("alice");
});

test("an unreachable PostgreSQL is reported as unreachable", async () => {
  const options = { databaseUrl: "postgres://a@127.0.0.1:1/a", log: () => {}, key };
  await expect(createAmpho(options)).rejects.toThrow(/nothing listens at the address/);
});
