import { defineMiddleware } from "h3";
import { ampho } from "../../ampho.js";

// A session goes on after the end of its access token, in every route. This guards nothing.
export default defineMiddleware(async (event, next) => {
  const { addCookies } = await ampho.renew(event.req, { address: event.req.ip });
  const value = await next();
  if (value instanceof Response) return addCookies(value);
  addCookies(event.res);
  return value;
});
