import { withBase } from "vitepress";
import DefaultTheme from "vitepress/theme";
import { h } from "vue";
import DocTabs from "./DocTabs.vue";
import "./style.css";
import VersionSwitch from "./VersionSwitch.vue";

export default {
  extends: DefaultTheme,
  Layout: () =>
    h(DefaultTheme.Layout, undefined, {
      "not-found": () =>
        h("main", { class: "landing vp-doc" }, [
          h("h1", "This page does not exist"),
          h("p", h("a", { href: withBase("/") }, "Go to the first page, or search.")),
        ]),
      "nav-bar-content-after": () => h(VersionSwitch),
      "nav-screen-content-after": () => h(VersionSwitch),
    }),
  enhanceApp: ({ app }) => app.component("DocTabs", DocTabs),
};
