import { route } from "@react-router/dev/routes";
export default [
  route("account", "routes/account.tsx"),
  route("hello/:name?", "routes/hello.ts"),
  route("api/security/*", "routes/api.security.$.ts"),
];
