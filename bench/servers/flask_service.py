# A service on Flask: a view behind a decorator that checks an HS256 token with jwcrypto. Run by gunicorn.
import functools
import json
import os
import time

from flask import Flask, request
from jwcrypto import jwk, jwt

key = jwk.JWK.from_json(os.environ["BENCH_KEY"])
app = Flask(__name__)


def authorize(view):
    @functools.wraps(view)
    def guarded(*args, **kwargs):
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        try:
            if scheme.lower() != "bearer":
                raise ValueError
            claims = json.loads(jwt.JWT(jwt=token, key=key, algs=["HS256"]).claims)
            if claims["exp"] < time.time():
                raise ValueError
        except Exception:
            return {"message": "unauthorized"}, 401
        return view(*args, auth=claims, **kwargs)

    return guarded


@app.get("/guarded")
@authorize
def hello(auth):
    return {"hello": "world"}
