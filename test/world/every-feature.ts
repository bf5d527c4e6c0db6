// Options with which an instance serves every route.
import type { AmphoOptions } from "../../dist/index.js";

export const everyFeature = {
  appUrl: "https://app.example/",
  mailLogin: true,
  registration: "open",
  apiKeys: 5,
  tokenEndpoint: true,
  connect: ["registered", "dynamic"],
  scopeTexts: { "articles:write": "Write articles" },
  scopes: { editor: ["articles:write"] },
  providers: { acme: { issuer: "https://id.example", client_id: "shop", client_secret: "0".repeat(32) } },
} as const satisfies AmphoOptions;
