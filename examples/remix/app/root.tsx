import { Outlet, Scripts } from "@remix-run/react";
import { createElement as h } from "react";
export default () => h("html", null, h("body", null, h(Outlet), h(Scripts)));
