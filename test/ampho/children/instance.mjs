// An Ampho in a separate process. It reads one command as a line of JSON and writes one response line. At the end of input it
// closes, and the process ends by itself if nothing keeps it alive.
import { createInterface } from "node:readline";
import { createAmpho } from "../../../dist/index.js";

const ampho = await createAmpho({ ...JSON.parse(process.argv[2]), log: () => undefined });

async function call({ method, path, body, bearer, headers }) {
  const request = new Request(`http://localhost/api/security${path}`, {
    method,
    headers: {
      ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      ...(bearer === undefined ? {} : { Authorization: `Bearer ${bearer}` }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const response = await ampho.fetch(request);
  return { status: response.status, text: await response.text() };
}

const commands = {
  /** Sends the same request this many times at once. */
  calls: ({ count, ...request }) => Promise.all(Array.from({ length: count }, () => call(request))),
  /** Sends these requests at once. */
  all: ({ requests }) => Promise.all(requests.map(call)),
  verify: ({ token }) =>
    ampho.verify(token).then(
      ({ login }) => login,
      ({ code }) => code,
    ),
  verifySync: ({ token }) => {
    try {
      return ampho.verifySync(token).login;
    } catch ({ code }) {
      return code;
    }
  },
};

console.log(JSON.stringify("ready"));
for await (const line of createInterface({ input: process.stdin })) {
  const { name, ...input } = JSON.parse(line);
  console.log(JSON.stringify(await commands[name](input)));
}
await Promise.all([ampho.close(), ampho.close()]);
await ampho.close();
console.log(JSON.stringify("closed"));
