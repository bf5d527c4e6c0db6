export default defineNuxtConfig({
  telemetry: false,
  compatibilityDate: "2026-01-01",
  // No other page shows the pages in a frame.
  routeRules: { "/**": { headers: { "Content-Security-Policy": "frame-ancestors 'none'" } } },
  nitro: { esbuild: { options: { target: "es2022" } } },
});
