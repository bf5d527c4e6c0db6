// Clients of the REST API that need less time for a request than the server: kept connections without an HTTP library, and
// logins by passkey that are signed beforehand.
import { createHash, createPrivateKey, sign } from "node:crypto";
import { connect } from "node:net";

export const origin = "https://app.example";
const authenticatorHead = Buffer.concat([sha256("app.example"), Buffer.of(0x1d), Buffer.alloc(4)]);

function sha256(data) {
  return createHash("sha256").update(data).digest();
}

const base64url = (bytes) => Buffer.from(bytes).toString("base64url");

/** A kept connection without an HTTP library, so that this process needs less time for a request than the server. */
function openConnection(port) {
  const socket = connect(port, "127.0.0.1").setNoDelay().setEncoding("latin1");
  let text = "";
  let settle;
  socket.on("data", (piece) => {
    text += piece;
    const end = text.indexOf("\r\n\r\n") + 4;
    if (end < 4 || text.length < end + Number(/content-length: (\d+)/i.exec(text)[1])) return;
    const response = { status: Number(text.slice(9, 12)), body: text.slice(end) };
    text = "";
    settle(response);
  });
  return {
    send: (request) =>
      new Promise((resolve) => {
        settle = resolve;
        socket.write(request);
      }),
    close: () => socket.destroy(),
  };
}

/** A request to an endpoint: a GET, or a POST of `body`. */
export function requestOf(body, endpoint = "login") {
  const line = `${body === undefined ? "GET" : "POST"} /api/security/${endpoint} HTTP/1.1\r\nHost: 127.0.0.1\r\n`;
  if (body === undefined) return Buffer.from(`${line}\r\n`);
  const json = JSON.stringify(body);
  return Buffer.from(`${line}Content-Type: application/json\r\nContent-Length: ${json.length}\r\n\r\n${json}`);
}

/** The assertions are signed before the clock runs, because real clients run elsewhere. */
export async function assertions({ port, owners }, count) {
  const connection = openConnection(port);
  const requests = [];
  for (let at = 0; at < count; at++) {
    const { transaction, passkey } = JSON.parse((await connection.send(requestOf())).body);
    const owner = owners[at % owners.length];
    owner.privateKey ??= createPrivateKey({ key: owner.key, format: "jwk" });
    const { id, userHandle, privateKey } = owner;
    const clientData = Buffer.from(
      JSON.stringify({ type: "webauthn.get", challenge: passkey.challenge, origin, crossOrigin: false }),
    );
    const signature = sign("sha256", Buffer.concat([authenticatorHead, sha256(clientData)]), privateKey);
    const response = {
      clientDataJSON: base64url(clientData),
      authenticatorData: base64url(authenticatorHead),
      signature: base64url(signature),
      userHandle,
    };
    const credential = { id, rawId: id, type: "public-key", clientExtensionResults: {}, response };
    requests.push(requestOf({ transaction, passkey: credential }));
  }
  connection.close();
  return requests;
}

/** Sends all requests over this many connections and resolves to the bodies and the milliseconds of each. */
export async function sendAll(port, requests, connections) {
  const done = [];
  let next = 0;
  await Promise.all(
    Array.from({ length: connections }, async () => {
      const connection = openConnection(port);
      while (next < requests.length) {
        const from = performance.now();
        const { status, body } = await connection.send(requests[next++]);
        if (status !== 200) throw new Error(`a request got ${status}: ${body}`);
        done.push({ body, ms: performance.now() - from });
      }
      connection.close();
    }),
  );
  return done;
}
