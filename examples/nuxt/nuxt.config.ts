export default defineNuxtConfig({
  telemetry: false,
  compatibilityDate: "2026-01-01",
  nitro: { esbuild: { options: { target: "es2022" } } },
});
