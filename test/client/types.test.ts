import { expectTypeOf, it } from "vitest";
import type { z } from "zod";
import type { Client, ClientSession } from "../../dist/client/client.js";
import type { currentSession } from "../../dist/http/rest/routes/sessions.js";

it("a session has the fields of GET /session", () => {
  expectTypeOf<ClientSession>().toExtend<z.output<typeof currentSession>>();
  expectTypeOf<z.output<typeof currentSession>>().toExtend<ClientSession>();
});

it("a client's fetch can replace the platform's", () => {
  expectTypeOf<Client["fetch"]>().toExtend<typeof fetch>();
});
