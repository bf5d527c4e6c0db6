# A service account with Authlib: a token by secret and by private key, introspection, and revocation.
import json
import sys
import time

from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT

given = json.load(sys.stdin)
url, service, key = given["url"], given["id"], given["key"]
gateway = OAuth2Session(given["gateway"]["id"], given["gateway"]["key"])


def ask(session):
    return session.fetch_token(f"{url}/token", grant_type="client_credentials", scope="articles:read")


seen = []
for method in ("client_secret_basic", "client_secret_post"):
    token = ask(OAuth2Session(service, key, token_endpoint_auth_method=method))
    seen.append([method, token["token_type"], token["scope"]])

signed = OAuth2Session(service, given["pem"], token_endpoint_auth_method="private_key_jwt")
claims = {"exp": int(time.time()) + 60}
signed.register_client_auth_method(PrivateKeyJWT(given["aud"], claims=claims, headers={"kid": "own"}, alg="ES256"))
token = ask(signed)
seen.append(["private_key_jwt", token["token_type"], token["scope"]])


def introspect():
    answer = gateway.introspect_token(f"{url}/introspect", token=token["access_token"]).json()
    return [answer["active"], answer.get("client_id")]


seen.append(introspect())
seen.append(gateway.revoke_token(f"{url}/revoke", token=token["access_token"]).status_code)
seen.append(introspect())
try:
    ask(OAuth2Session(service, "wrong"))
except Exception as error:
    seen.append(getattr(error, "error", repr(error)))
print(json.dumps(seen))
