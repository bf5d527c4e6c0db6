import { createServer } from "node:http";
import { createAmpho } from "ampho";
import { mount } from "ampho/node";
import { users } from "./users.js";

const ampho = await createAmpho({ users, registration: "open", mailLogin: true });
createServer(mount(ampho)).listen(Number(process.env["PORT"] ?? 3000), "127.0.0.1");
