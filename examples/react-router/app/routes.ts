import { route } from "@react-router/dev/routes";
export default [route("hello/:name?", "routes/hello.ts"), route("api/security/*", "routes/api.security.$.ts")];
