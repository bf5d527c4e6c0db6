"""Verifies the tokens of the cases on stdin with PyJWT and jwcrypto, and makes tokens in the seed's form with their keys.

A case: {"alg", "jwk" (private or secret), "public" (or the secret), "jwks" (a URL or null), "token", "rejected": [tokens],
"issuer", "audience", "claims"}. Printed for each library and algorithm: {"verifies", "fetches", "rejects", "made"}.
"""

import json
import sys
import urllib.request

import jwt
from jwcrypto import jwk as jwcrypto_jwk
from jwcrypto import jwt as jwcrypto_jwt


class PyJwt:
    @staticmethod
    def verify(case, token, key=None):
        return jwt.decode(
            token,
            key or jwt.PyJWK(case["public"], algorithm=case["alg"]).key,
            algorithms=[case["alg"]],
            issuer=case["issuer"],
            audience=case["audience"],
        )

    @staticmethod
    def fetch(case):
        key = jwt.PyJWKClient(case["jwks"]).get_signing_key_from_jwt(case["token"])
        return PyJwt.verify(case, case["token"], key.key)

    @staticmethod
    def make(case):
        key = jwt.PyJWK(case["jwk"], algorithm=case["alg"]).key
        return jwt.encode(case["claims"], key, algorithm=case["alg"], headers={"typ": None})


class JwCrypto:
    @staticmethod
    def verify(case, token, key=None):
        checks = {"iss": case["issuer"], "aud": case["audience"], "exp": None, "login": None}
        key = key or jwcrypto_jwk.JWK(**case["public"])
        return json.loads(jwcrypto_jwt.JWT(jwt=token, key=key, algs=[case["alg"]], check_claims=checks).claims)

    @staticmethod
    def fetch(case):
        with urllib.request.urlopen(case["jwks"]) as response:
            keys = jwcrypto_jwk.JWKSet.from_json(response.read())
        return JwCrypto.verify(case, case["token"], keys)

    @staticmethod
    def make(case):
        token = jwcrypto_jwt.JWT(header={"alg": case["alg"]}, claims=case["claims"])
        token.make_signed_token(jwcrypto_jwk.JWK(**case["jwk"]))
        return token.serialize()


def attempt(action):
    try:
        return action()
    except Exception as error:  # an error is the result of a library too
        return {"error": f"{type(error).__name__}: {error}"}


def check(library, case):
    def is_alice(claims):
        return claims.get("login") == "alice"

    made = attempt(lambda: library.make(case))
    return {
        "verifies": is_alice(attempt(lambda: library.verify(case, case["token"]))),
        "fetches": case["jwks"] is not None and is_alice(attempt(lambda: library.fetch(case))),
        "rejects": all("error" in attempt(lambda t=token: library.verify(case, t)) for token in case["rejected"]),
        "made": made if isinstance(made, str) else None,
    }


cases = json.load(sys.stdin)
libraries = {"PyJWT": PyJwt, "jwcrypto": JwCrypto}
print(json.dumps({name: {case["alg"]: check(library, case) for case in cases} for name, library in libraries.items()}))
