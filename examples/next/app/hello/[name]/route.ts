import { ampho } from "../../../ampho";

export const GET = ampho.authorize(async (_request: Request, auth, context: { params: Promise<{ name: string }> }) =>
  Response.json({ hello: auth.login, name: (await context.params).name }),
);
