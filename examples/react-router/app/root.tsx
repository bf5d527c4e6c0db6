import { createElement as h } from "react";
import { type MiddlewareFunction, Outlet, Scripts } from "react-router";
import { ampho } from "../ampho.js";

// A session goes on after the end of its access token, in loaders and in actions. This guards nothing.
const renew: MiddlewareFunction<Response> = async ({ request }, next) => {
  const { addCookies } = await ampho.renew(request);
  return addCookies(await next());
};
export const middleware = [renew];

// No other page shows the pages in a frame.
export const headers = () => ({ "Content-Security-Policy": "frame-ancestors 'none'" });

export default () => h("html", null, h("body", null, h(Outlet), h(Scripts)));
