import { ampho } from "../../ampho.js";

export const loader = ampho.authorize(
  { optional: true },
  ({ params }: { request: Request; params: { name?: string } }, auth) =>
    Response.json({ hello: auth?.login ?? params.name ?? "stranger" }),
);
