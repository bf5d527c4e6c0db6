import { defineHandler, type H3Event } from "h3";
import { ampho } from "../../ampho.js";

export default defineHandler(ampho.authorize((_event: H3Event, auth) => new Response(`Hello ${auth.login}`)));
