import { ampho } from "../../../ampho.js";

export const GET = ampho.authorize(({ params }: { request: Request; params: { name?: string } }, auth) =>
  Response.json({ hello: auth.login, name: params.name }),
);
