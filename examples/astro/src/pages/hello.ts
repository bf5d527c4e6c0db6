import { ampho } from "../../ampho.js";

export const GET = ampho.authorize((_context: { request: Request }, auth) => new Response(`Hello ${auth.login}`));
