import { createElement as h } from "react";
import { Outlet, Scripts } from "react-router";
export default () => h("html", null, h("body", null, h(Outlet), h(Scripts)));
