import { routes } from "./bun.js";

const fetch = () => new Response("Not found\n", { status: 404 });
const { url } = Bun.serve({ routes, fetch, port: Number(process.env.PORT ?? 3000), hostname: "127.0.0.1" });
console.log(url.href);
