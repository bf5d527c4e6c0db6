// The usual combination by hand: Express, jsonwebtoken and a password library.
import { createServer } from "node:http";
import express from "express";
import jwt from "jsonwebtoken";
import { announce, login, password } from "./announce.mjs";

export function serve({ hash, verify }) {
  const secret = "0123456789abcdef0123456789abcdef-bench";
  const app = express();
  app.disable("x-powered-by");
  const body = { hello: "world" };
  app.get("/plain", (_request, response) => response.json(body));
  app.get("/guarded", (request, response) => {
    try {
      jwt.verify((request.headers.authorization ?? "").slice(7), secret, { algorithms: ["HS256"] });
    } catch {
      return response.status(401).json({});
    }
    return response.json(body);
  });
  const stored = hash(password);
  app.post("/login", express.json(), async (request, response) => {
    const good = request.body.login === login && (await verify(await stored, request.body.password));
    if (!good) return response.status(401).json({});
    return response.json({ token: jwt.sign({ login }, secret, { expiresIn: 900 }) });
  });
  const tokens = Array.from({ length: Number(process.env.BENCH_TOKENS ?? 1) }, (_, at) =>
    jwt.sign({ login, jti: String(at) }, secret, { expiresIn: 900 }),
  );
  announce(createServer(app), { loginPath: "/login", tokens });
}
