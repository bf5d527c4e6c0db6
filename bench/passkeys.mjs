// Logins by passkey over HTTP on SQLite: how many a second, and how long the second of the two requests takes. Beside them run
// logins by password on the same server, which hash.
import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { request } from "node:http";
import { keptAgent, machine, median, print, quantile, start } from "./measure.mjs";
import { login, password } from "./servers/announce.mjs";

const rounds = Number(process.env.BENCH_ROUNDS ?? 5);
const roundMs = Number(process.env.BENCH_ROUND_MS ?? 4_000);
const clients = 8;
const origin = "https://app.example";
const rpId = "app.example";

const sha256 = (data) => createHash("sha256").update(data).digest();
const base64url = (bytes) => Buffer.from(bytes).toString("base64url");

/** Sends JSON on a kept connection and resolves to the status and the object of the response. */
function send({ port, agent, method = "POST", path, body, bearer }) {
  const headers = { "content-type": "application/json", ...(bearer && { authorization: `Bearer ${bearer}` }) };
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port, agent, method, path: `/api/security${path}`, headers };
    const sent = request(options, async (response) => {
      const chunks = await response.toArray().catch(reject);
      resolve({ status: response.statusCode, json: JSON.parse(Buffer.concat(chunks).toString()) });
    });
    sent.on("error", reject);
    sent.end(body && JSON.stringify(body));
  });
}

/** An authenticator with one key for ES256, whose user handle the registration gives. */
function createAuthenticator() {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const { x, y } = publicKey.export({ format: "jwk" });
  const id = randomBytes(32);
  const clientData = (type, challenge) => Buffer.from(JSON.stringify({ type, challenge, origin, crossOrigin: false }));
  const head = (flags) => Buffer.concat([sha256(rpId), Buffer.of(flags), Buffer.alloc(4)]);
  const credential = { id: base64url(id), rawId: base64url(id), type: "public-key", clientExtensionResults: {} };
  return {
    register(challenge) {
      // COSE_Key {1: 2, 3: -7, -1: 1, -2: x, -3: y} in CBOR.
      const key = Buffer.concat([
        ...[Buffer.from("a5010203262001215820", "hex"), Buffer.from(x, "base64url")],
        ...[Buffer.from("225820", "hex"), Buffer.from(y, "base64url")],
      ]);
      const authData = Buffer.concat([head(0x4d), Buffer.alloc(16), Buffer.of(0, id.length), id, key]);
      // {"fmt": "none", "attStmt": {}, "authData": …} in CBOR.
      const object = Buffer.concat([
        Buffer.from("a363666d74646e6f6e656761747453746d74a068617574684461746158", "hex"),
        ...[Buffer.of(authData.length), authData],
      ]);
      const clientDataJSON = base64url(clientData("webauthn.create", challenge));
      return { ...credential, response: { clientDataJSON, attestationObject: base64url(object), transports: [] } };
    },
    assert(challenge, userHandle) {
      const data = clientData("webauthn.get", challenge);
      const authenticatorData = head(0x0d);
      const signature = sign("sha256", Buffer.concat([authenticatorData, sha256(data)]), privateKey);
      const response = {
        ...{ clientDataJSON: base64url(data), authenticatorData: base64url(authenticatorData) },
        ...{ signature: base64url(signature), userHandle },
      };
      return { ...credential, response };
    },
  };
}

async function setUp(server, agent) {
  const { json: grant } = await send({ ...server, agent, path: "/login", body: { login, password } });
  const about = { ...server, agent, bearer: grant.token };
  const { json: begun } = await send({ ...about, path: "/passkeys/options", body: {} });
  const authenticator = createAuthenticator();
  const passkey = authenticator.register(begun.passkey.challenge);
  const added = await send({ ...about, path: "/passkeys", body: { transaction: begun.transaction, passkey } });
  if (added.status !== 200) throw new Error(`the registration got ${added.status}`);
  return { authenticator, handle: begun.passkey.user.id };
}

/** The assertions are signed before the clock runs, because real clients run elsewhere. */
async function assertions({ port }, agent, { authenticator, handle }, count) {
  const bodies = [];
  while (bodies.length < count) {
    const { json } = await send({ port, agent, method: "GET", path: "/login" });
    bodies.push({ transaction: json.transaction, passkey: authenticator.assert(json.passkey.challenge, handle) });
  }
  return bodies;
}

async function logIn({ port }, agent, bodies) {
  const latencies = [];
  const started = performance.now();
  await Promise.all(
    Array.from({ length: clients }, async () => {
      for (let body = bodies.pop(); body !== undefined; body = bodies.pop()) {
        const from = performance.now();
        const { status } = await send({ port, agent, path: "/login", body });
        if (status !== 200) throw new Error(`a login got ${status}`);
        latencies.push(performance.now() - from);
      }
    }),
  );
  return { perSecond: latencies.length / ((performance.now() - started) / 1000), latencies };
}

async function alone({ port }, agent, bodies) {
  const latencies = [];
  for (const body of bodies) {
    const from = performance.now();
    await send({ port, agent, path: "/login", body });
    latencies.push(performance.now() - from);
  }
  return quantile(latencies, 0.5);
}

async function passwordsPerSecond({ port }, agent, ms) {
  let count = 0;
  const end = performance.now() + ms;
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (performance.now() < end) {
        // The account has a second factor by now, so a right password gets `factor_needed`.
        const { status } = await send({ port, agent, path: "/login", body: { login, password } });
        if (status === 401) count++;
      }
    }),
  );
  return count / (ms / 1000);
}

const agent = keptAgent();
const [rates, p50s, passwords] = [[], [], []];
for (let round = 0; round < rounds; round++) {
  const server = await start("ampho", { AMPHO_APP_URL: `${origin}/` });
  const owner = await setUp(server, agent);
  const count = Math.round((roundMs / 1000) * 1_500);
  await logIn(server, agent, await assertions(server, agent, owner, 300));
  const { perSecond } = await logIn(server, agent, await assertions(server, agent, owner, count));
  rates.push(perSecond);
  p50s.push(await alone(server, agent, await assertions(server, agent, owner, 300)));
  passwords.push(await passwordsPerSecond(server, agent, roundMs));
  await server.stop();
}
agent.destroy();
console.log(`${machine()}; ${rounds} rounds, medians`);
print([
  ["passkey logins/s", "one client, p50 ms", "password logins/s"],
  [median(rates).toFixed(0), median(p50s).toFixed(2), median(passwords).toFixed(0)],
]);
