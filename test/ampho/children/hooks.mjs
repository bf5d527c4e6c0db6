// An Ampho with hooks in a separate process. It prints a line for each call of a hook and for each user that it creates.
// Each line of input is the login of a user to create. With `hangs` a hook never ends.
import { createInterface } from "node:readline";
import { createAmpho } from "../../../dist/index.js";

const { hangs, ...options } = JSON.parse(process.argv[2]);
const print = (...words) => process.stdout.write(`${words.join(" ")}\n`);

const called = (name) => (user) => {
  print(name, user.id);
  return hangs ? new Promise(() => undefined) : undefined;
};
const ampho = await createAmpho({
  ...options,
  log: () => undefined,
  onUserCreated: called("created"),
  onUserChanged: called("changed"),
  onUserRemoved: called("removed"),
});
print("ready");
for await (const login of createInterface({ input: process.stdin }))
  print("made", (await ampho.users.create({ login })).id);
await ampho.close();
