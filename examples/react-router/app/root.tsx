import { createElement as h } from "react";
import { Outlet, Scripts } from "react-router";
// No other page shows the pages in a frame.
export const headers = () => ({ "Content-Security-Policy": "frame-ancestors 'none'" });

export default () => h("html", null, h("body", null, h(Outlet), h(Scripts)));
