import { defineMiddleware } from "h3";
import { ampho } from "../../ampho.js";

// A session goes on after the end of its access token, in every route. This guards nothing.
export default defineMiddleware(async (event) => {
  const { addCookies } = await ampho.renew(event.req, { address: event.req.ip });
  addCookies(event.res);
});
