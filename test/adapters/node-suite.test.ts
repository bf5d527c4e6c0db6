import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import compression from "compression";
import cors from "cors";
import express from "express";
import { authorize, guarded, type Listener, mount } from "../../dist/adapters/node.js";
import { openPort } from "../world/listen.js";
import { closeServer } from "./express-app.js";
import { type Host, needsFor, needsOn, origin, sizeOf, who } from "./host.js";
import { describeHost } from "./suite.js";

type Step = (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => unknown;

const allowed = (request: IncomingMessage) => request.headers["x-allow"]?.toString();
const needs = needsFor(allowed);

/** A small `connect`: each step continues by `next`, and an error ends in 500. */
function run(steps: readonly Step[], request: IncomingMessage, response: ServerResponse): void {
  const [step, ...rest] = steps;
  const fail = () => void response.writeHead(500).end();
  if (step === undefined) return void response.writeHead(404).end();
  try {
    const done = step(request, response, (error) => (error === undefined ? run(rest, request, response) : fail()));
    if (done instanceof Promise) done.catch(fail);
  } catch {
    fail();
  }
}

const sendWho: Listener = (request, response) => json(response, who(request.auth));

function json(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(value));
}

const node: Host = {
  name: "ampho/node",
  takesOver: false,
  async start(ampho, setup) {
    const routes = new Map<string | undefined, readonly Step[]>([
      ["/open", [(_request, response) => json(response, { open: true })]],
      [
        "/throws",
        [
          authorize(ampho),
          () => {
            throw new Error("of the application");
          },
        ],
      ],
      ["/group/inner", [authorize(ampho), sendWho]],
      ["/group/admin", [authorize(ampho), authorize(ampho, needs.admin), sendWho]],
      ["/outer/inner/me", [authorize(ampho), sendWho]],
      ["/raw", [authorize(ampho), async (request, response) => json(response, await sizeOf(request))]],
      [
        "/parsed",
        [
          authorize(ampho),
          express.json() as unknown as Step,
          (request, response) => json(response, "body" in request ? request.body : undefined),
        ],
      ],
    ]);
    for (const [name, need] of needsOn(ampho, needs)) {
      routes.set(`/need/${name}`, [authorize(ampho, need), sendWho]);
      routes.set(`/certain/${name}`, [
        guarded(ampho, need, async (request, response) => json(response, who(request.auth))),
      ]);
    }
    const front = setup.front ? [cors({ origin }) as Step, compression({ threshold: 0 }) as unknown as Step] : [];
    const parsers = setup.parsers ? [express.json() as unknown as Step, express.urlencoded() as unknown as Step] : [];
    const first: readonly Step[] = [...front, ...parsers, mount(ampho)];
    const server = createServer((request, response) =>
      run([...first, ...(routes.get(request.url?.split("?")[0]) ?? [])], request, response),
    );
    return { port: await openPort(server), close: () => closeServer(server) };
  },
};

describeHost(node);
