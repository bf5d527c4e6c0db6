import { expect, it } from "vitest";
import * as express from "../../dist/adapters/express.js";
import * as fastify from "../../dist/adapters/fastify.js";
import * as hono from "../../dist/adapters/hono.js";
import * as koa from "../../dist/adapters/koa.js";
import * as node from "../../dist/adapters/node.js";
import { openAmpho } from "../world/ampho.js";

it.each(Object.entries({ express, fastify, hono, koa, node }))(
  "authorize of %s throws for a handler within its parentheses, which it would drop",
  async (_, { authorize }) => {
    const { ampho } = await openAmpho();
    const list = () => undefined;
    expect(() => Reflect.apply(authorize, undefined, [ampho, { roles: ["editor"] }, list])).toThrow(
      "authorize takes an instance and requirements.",
    );
    expect(() => Reflect.apply(authorize, undefined, [ampho, { roles: ["editor"] }])).not.toThrow();
  },
);
