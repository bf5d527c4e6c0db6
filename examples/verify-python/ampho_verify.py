"""Verifies the access tokens of an Ampho and rejects revoked ones within a second, as the package ampho/verify does.

Copy this file. It needs Python 3.10 or later and the package `cryptography`.

    verifier = Verifier(
        jwks_url="https://auth.example/api/security/.well-known/jwks.json",
        issuer="https://auth.example",
        audience="https://api.example",
        feed_url="https://auth.example/api/security/revocations",
        feed_token=os.environ["FEED_TOKEN"],
    )
    verifier.ready()  # raises Unavailable if keys or revocations cannot be read
    auth = verifier.verify(bearer_of(headers.get("Authorization")))  # raises Rejected
    if "editor" not in auth.roles: ...

One verifier serves all threads. Its own threads start at the first call, in each process of a server that forks.
It is stricter than ampho/verify in three points: it requires an issuer and an audience, it uses published keys only
if they have `kid` and `alg`, and with the feed it rejects a token of other software whose login is not ASCII.
"""

import base64
import hashlib
import http.client
import json
import logging
import os
import random
import re
import socket
import threading
import time
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

log = logging.getLogger("ampho_verify")

TOKEN_MAX = 8192
DEPTH_MAX = 64
TIME_MAX = 253_402_300_799  # the year 9999
SAFE_MAX = 2**53 - 1
LEEWAY_MAX = 300
DEFAULT_CREDENTIALS = ("session", "foreign")
KINDS = "session,user,roles,signing_key,all"


class Rejected(Exception):
    """A request without a good token. `status` and `code` are those that Ampho responds with."""

    status, code = 401, "invalid_token"


class MissingToken(Rejected):
    code = "missing_token"


class CredentialNotAccepted(Rejected):
    """A good token of a kind that the route does not take."""

    status, code = 403, "credential_not_accepted"


class Unavailable(Rejected):
    """Keys or revocations are not known at the moment. The client can try again after a second."""

    status, code = 503, "unavailable"


class UnknownKey(Rejected):
    """No published key has the name or the algorithm of the token."""


class FetchFailed(Exception):
    """Why there is no usable response, in words for the log."""


@dataclass(frozen=True)
class Auth:
    """The user of a token. Times are Unix seconds."""

    credential: str  # session, foreign, service or delegated
    id: str | None
    login: str
    roles: tuple[str, ...]
    scopes: tuple[str, ...]
    session: str | None
    amr: tuple[str, ...]
    acr: str | None
    expires: int
    claims: dict


def bearer_of(authorization: str | None) -> str:
    """Returns the bearer token of an Authorization header. Raises MissingToken."""
    match = re.fullmatch(r"bearer(?: +(.*))?", authorization or "", re.IGNORECASE | re.DOTALL)
    if match is None:
        raise MissingToken("A bearer token is required.")
    return match[1] or ""


class Verifier:
    """Times are seconds. Without `feed_url`, a revoked token is good until it expires."""

    def __init__(
        self,
        *,
        jwks_url: str,
        issuer: str,
        audience: str | tuple[str, ...],
        feed_url: str | None = None,
        feed_token: str | None = None,
        leeway: int = 60,
        foreign_ttl: int = 86_400,
        lag_max: int = 30,
    ):
        self._audience = (audience,) if isinstance(audience, str) else tuple(audience)
        if not issuer or not self._audience or not all(self._audience):
            raise ValueError("issuer and audience must not be empty")
        if not 0 <= leeway <= LEEWAY_MAX or not 5 <= lag_max <= 86_400 or foreign_ttl < 0:
            raise ValueError("leeway must be 0 to 300, lag_max 5 to 86400, and foreign_ttl not negative")
        if feed_url is not None and not re.fullmatch(r"[!-~]{32,1024}", feed_token or ""):
            raise ValueError("feed_token must be the AMPHO_SECURITY_REVOCATION_FEED_TOKEN of the server")
        for url in (jwks_url, feed_url):
            if url is not None:
                _check_url(url)
        self._issuer, self._leeway, self._foreign_ttl = issuer, leeway, foreign_ttl
        self._jwks_url, self._feed_url, self._feed_token, self._lag_max = jwks_url, feed_url, feed_token, lag_max
        self._starting = threading.Lock()
        self._pid = 0

    def verify(self, token: str, credentials: tuple[str, ...] = DEFAULT_CREDENTIALS) -> Auth:
        """Raises Rejected, or one of its subclasses."""
        keys, feed = self._start()
        claims = self._check(token, keys, feed)
        auth = _auth_of(claims)
        if auth.credential not in credentials:
            raise CredentialNotAccepted(f"This takes these kinds of tokens: {', '.join(credentials)}.")
        return auth

    def ready(self) -> None:
        """Raises Unavailable if keys or revocations cannot be read now."""
        keys, feed = self._start()
        keys.current()
        if feed is not None:
            feed.require_known()

    def revocation_lag(self) -> float | None:
        """Upper bound of the seconds for which a revocation might be unknown here. None without a feed."""
        _, feed = self._start()
        return None if feed is None else feed.lag()

    def close(self) -> None:
        """Ends the threads. A later call would start them again."""
        with self._starting:
            if self._pid == os.getpid() and self._feed is not None:
                self._feed.stopped.set()
            self._pid = 0

    def _start(self):
        if self._pid != os.getpid():  # threads do not survive a fork
            with self._starting:
                if self._pid != os.getpid():
                    self._keys = _Keys(self._jwks_url)
                    self._feed = None
                    if self._feed_url is not None:
                        self._feed = _Feed(self._feed_url, self._feed_token, self._foreign_ttl, self._lag_max)
                    self._pid = os.getpid()
        return self._keys, self._feed

    def _check(self, token, keys, feed):
        if feed is not None:
            feed.require_known()
        key_set = keys.current()
        while True:
            try:
                claims, kid = self._verified(token, key_set, feed)
                break
            except UnknownKey:
                key_set = keys.newer()
                if key_set is None:
                    raise
        if feed is not None and feed.revokes(claims, kid):
            raise Rejected("The token was revoked.")
        return claims

    def _verified(self, token, key_set, feed):
        if not isinstance(token, str) or len(token) > TOKEN_MAX or token.count(".") != 2 or not token.isascii():
            raise Rejected("The token is too long, or is not three segments.")
        head, payload, signature = token.split(".")
        header = _json(_octets(head))
        algorithm, kid, typ = header.get("alg"), header.get("kid"), header.get("typ", "jwt")
        if not isinstance(algorithm, str) or not isinstance(typ, str) or "crit" in header or "b64" in header:
            raise Rejected("A member of the header has the wrong type, or asks for an extension.")
        if "kid" not in header:
            candidates = [key for key in key_set.values() if key.algorithm == algorithm]
        elif isinstance(kid, str) and kid != "":
            candidates = [key_set[kid]] if kid in key_set else []
        else:
            raise Rejected("The name of the key has the wrong type.")
        if not candidates:
            raise UnknownKey("The key of the token is not published.")
        signed, octets = f"{head}.{payload}".encode("ascii"), _octets(signature)
        candidates = [key for key in candidates if key.algorithm == algorithm]
        signer = next((key for key in candidates if key.verifies(signed, octets)), None)
        if signer is None:
            raise Rejected("The signature or its algorithm is wrong.")
        if typ.lower().removeprefix("application/") not in ("jwt", "at+jwt"):
            raise Rejected("The token is of another type.")
        claims = _json(_octets(payload))
        self._check_claims(claims)
        if feed is not None and _era(claims.get("sid")) < 0 and not claims["login"].isascii():
            raise Rejected("The login of a token of other software is not ASCII, so it cannot be compared.")
        return claims, signer.kid

    def _check_claims(self, claims):
        now = int(time.time())
        good = all(test(claims[name]) for name, test in _CLAIMS.items() if name in claims)
        if not good or "exp" not in claims or "login" not in claims:
            raise Rejected("A claim is missing or has the wrong type or range.")
        if now >= claims["exp"] + self._leeway:
            raise Rejected("The token has expired.")
        if max(claims.get("nbf", 0), claims.get("iat", 0)) > now + self._leeway:
            raise Rejected("The token is not valid yet.")
        if _credential_of(claims) != "session" and claims["exp"] > now + self._foreign_ttl:
            raise Rejected("The token belongs to no session and expires too far ahead.")
        audience = claims.get("aud")
        audiences = [audience] if isinstance(audience, str) else audience if _is_texts(audience) else []
        if claims.get("iss") != self._issuer or not any(one in self._audience for one in audiences):
            raise Rejected("The token is from another issuer or for another audience.")


def _credential_of(claims):
    """A claim that is there counts, whatever its value."""
    if "act" in claims or "by" in claims:
        return "delegated"
    if "client_id" in claims:
        return "service"
    return "session" if "sid" in claims else "foreign"


def _auth_of(claims):
    credential = _credential_of(claims)
    return Auth(
        credential=credential,
        id=claims.get("sub"),
        login=claims["login"],
        # People have roles, and machines have scopes.
        roles=tuple(claims.get("roles", ())) if credential in DEFAULT_CREDENTIALS else (),
        scopes=tuple(one for one in claims.get("scope", "").split(" ") if one),
        session=None if credential == "service" else claims.get("sid"),
        amr=tuple(claims.get("amr", ())),
        acr=claims.get("acr"),
        expires=int(claims["exp"]),
        claims=claims,
    )


def _is_whole(value):
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and abs(value) <= SAFE_MAX and value == int(value)


def _is_time(value):
    return _is_whole(value) and 0 <= value <= TIME_MAX


def _is_texts(value):
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


_CLAIMS = {
    **dict.fromkeys(("exp", "nbf", "iat"), _is_time),
    **dict.fromkeys(("sub", "login", "sid", "jti", "acr"), lambda value: isinstance(value, str) and value != ""),
    **dict.fromkeys(("amr", "roles"), _is_texts),
    **dict.fromkeys(("ver", "auth_time"), _is_whole),
    "gen": lambda value: _is_whole(value) and value >= 0,
    "scope": lambda value: isinstance(value, str),
}


def _octets(text):
    """Strict base64url: no padding, no other character, no unused bits."""
    try:
        octets = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raise Rejected("The token is not base64url.") from None
    if base64.urlsafe_b64encode(octets).rstrip(b"=").decode() != text:
        raise Rejected("The token is not base64url.")
    return octets


def _no_twins(pairs):
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a repeated member")
    return members


def _no_constant(name):
    raise ValueError(name)


def _depth_of(value):
    """Without recursion, because a token can nest as deep as its 8 KiB allow."""
    depth, level = 0, [value]
    while level := [one for one in level if isinstance(one, (dict, list))]:
        depth += 1
        level = [part for one in level for part in (one.values() if isinstance(one, dict) else one)]
    return depth


def _json(octets):
    """Strict JSON: an object in UTF-8 without repeated members and without half of a surrogate pair."""
    try:
        value = json.loads(octets.decode("utf-8"), object_pairs_hook=_no_twins, parse_constant=_no_constant)
        if not isinstance(value, dict) or _depth_of(value) > DEPTH_MAX:
            raise ValueError("not an object, or too deep")
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError):
        raise Rejected("The token is not a JSON object without repeated members.") from None
    return value


# Keys


_CURVES = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}
_CURVE_NAMES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
_HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}


class _Key:
    """A published key, bound to one algorithm. Raises ValueError for any other JWK, and for a secret or private one."""

    def __init__(self, jwk):
        text = {name: value for name, value in jwk.items() if isinstance(value, str)}
        self.kid, self.algorithm, kty = text.get("kid", ""), text.get("alg", ""), text.get("kty")
        if self.kid == "" or kty == "oct" or "d" in jwk or "k" in jwk or jwk.get("use", "sig") != "sig":
            raise ValueError("it has no kid, is secret, or is for another use")
        operations = jwk.get("key_ops", ["verify"])
        if not isinstance(operations, list) or "verify" not in operations:
            raise ValueError("its key_ops do not allow verification")
        self.members = [text.get(name) for name in ("crv", "x", "y", "n", "e")]
        member = lambda name: _octets(text.get(name, ""))  # noqa: E731
        family, self._hash = self.algorithm[:2], _HASHES.get(self.algorithm[2:])
        if self.algorithm in ("EdDSA", "Ed25519") and (kty, text.get("crv")) == ("OKP", "Ed25519"):
            self._key = ed25519.Ed25519PublicKey.from_public_bytes(member("x"))
        elif self.algorithm in _CURVES and (kty, text.get("crv")) == ("EC", _CURVE_NAMES[self.algorithm]):
            point = b"\x04" + member("x") + member("y")
            self._key = ec.EllipticCurvePublicKey.from_encoded_point(_CURVES[self.algorithm], point)
        elif family in ("RS", "PS") and self._hash is not None and kty == "RSA":
            n, e = (int.from_bytes(member(name), "big") for name in ("n", "e"))
            if not 2048 <= n.bit_length() <= 16_384 or not 65_537 <= e < 2**64:
                raise ValueError("the size of its modulus or its exponent is out of range")
            self._key = rsa.RSAPublicNumbers(e, n).public_key()
        else:
            raise ValueError("its algorithm is unknown or does not fit its type")

    def verifies(self, signed, signature):
        key, family = self._key, self.algorithm[:2]
        try:
            if family == "Ed":
                key.verify(signature, signed)
            elif family == "ES":
                half = (key.curve.key_size + 7) // 8
                if len(signature) != 2 * half:
                    return False
                r, s = (int.from_bytes(part, "big") for part in (signature[:half], signature[half:]))
                key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(self._hash))
            elif family == "PS":
                pss = padding.PSS(mgf=padding.MGF1(self._hash), salt_length=self._hash.digest_size)
                key.verify(signature, signed, pss, self._hash)
            else:
                key.verify(signature, signed, padding.PKCS1v15(), self._hash)
        except InvalidSignature:
            return False
        return True


def _import_keys(members):
    """Skips what cannot be used. Of two keys with one `kid`, and of one key with two algorithms, the first counts."""
    if not isinstance(members.get("keys"), list):
        raise FetchFailed("the response was not a JWK Set")
    keys = {}
    for jwk in members["keys"]:
        try:
            key = _Key(jwk)
        except (ValueError, TypeError, AttributeError, Rejected):
            continue
        twins = [one for one in keys.values() if one.members == key.members and one.algorithm != key.algorithm]
        if key.kid not in keys and not twins:
            keys[key.kid] = key
    return keys


class _Keys:
    """The published keys. Requests start the fetches and share them, so there is no timer."""

    UNKNOWN_KEY_PAUSE = 10.0

    def __init__(self, url):
        self._url, self._lock = url, threading.Lock()
        self._keys, self._fetched, self._lifetime = None, 0.0, 0.0
        self._fetching, self._attempted, self._refetched, self._failing = None, -1e9, -1e9, False

    def current(self):
        """Returns the keys. Waits for them only if they are unknown or too old. Raises Unavailable without keys."""
        with self._lock:
            now = time.monotonic()
            age, wait = now - self._fetched, None
            if self._keys is None or age >= self._lifetime * 0.8:
                pause = (1.0 if self._keys is None else 10.0) if self._failing else 0.0
                fetching = self._fetch() if now - self._attempted >= pause else self._fetching
                if self._keys is None or (age >= self._lifetime and not self._failing):
                    wait = fetching
        if wait is not None:
            wait.wait(6.0)
        if self._keys is None:
            raise Unavailable("The keys cannot be fetched at the moment.")
        return self._keys

    def newer(self):
        """Fetches the keys because one is unknown. Returns None if that was done a moment ago."""
        with self._lock:
            fetching = self._fetching
            if fetching is None:
                now = time.monotonic()
                if now - self._refetched < self.UNKNOWN_KEY_PAUSE:
                    if self._failing:
                        raise Unavailable("The keys cannot be fetched at the moment.")
                    return None
                self._refetched = now
                fetching = self._fetch()
        fetching.wait(6.0)
        return self._keys

    def _fetch(self):
        """Starts a fetch, or returns the one that runs. The caller holds the lock."""
        if self._fetching is None:
            self._fetching, self._attempted = threading.Event(), time.monotonic()
            threading.Thread(target=self._attempt, args=(self._fetching,), daemon=True).start()
        return self._fetching

    def _attempt(self, done):
        requested, failing = time.monotonic(), True
        try:
            members, headers = _fetch_json(self._url, 5.0, 65_536)
            keys = _import_keys(members)
            if not keys:
                log.warning("keys: the published set contains no usable key")
            self._keys, self._fetched, self._lifetime = keys, requested, _lifetime_of(headers)
            failing = False
        except FetchFailed as error:
            if not self._failing:
                log.warning("keys cannot be fetched: %s", error)
        finally:
            with self._lock:
                self._failing, self._fetching = failing, None
            done.set()


def _lifetime_of(headers):
    control = headers.get("Cache-Control", "")
    if re.search(r"(?:^|[,\s])no-(?:store|cache)\b", control, re.IGNORECASE):
        return 60.0
    seconds = re.search(r'(?:^|[,\s])max-age="?(\d{1,10})', control, re.IGNORECASE)
    age = re.fullmatch(r"\d{1,10}", headers.get("Age", "")) if seconds else None
    return min(3600.0, max(60.0, float(seconds[1]) - float(age[0] if age else 0))) if seconds else 300.0


# Revocations


_COMMON = {"n": int, "at": int, "until": int, "kind": str}
_USER = {"user": str, "login_sha256": str}
_MEMBERS = {
    "session": {"session_sha256": str},
    "user": _USER,
    "roles": _USER | {"version": int, "roles": list},
    "signing_key": {"kid": str},
    "all": {"era": int},
}


class _Feed:
    """Follows the revocation feed in a thread of its own. One request is always open."""

    WAIT = 2

    def __init__(self, url, token, foreign_ttl, lag_max):
        self._url, self._token, self._foreign_ttl, self._lag_max = url, token, foreign_ttl, lag_max
        self._lock, self.stopped, self._first = threading.Lock(), threading.Event(), threading.Event()
        self._rows, self._numbers, self._epoch, self._after = {}, {}, None, 0
        self._index = _Index(())
        self._known_at, self._read_at, self._server_at, self._swept_at, self._from_start = None, 0, 0, 0, False
        self._alive, self._resuming = time.monotonic(), None
        for work in (self._follow, self._tick):
            threading.Thread(target=work, daemon=True).start()

    def require_known(self):
        self._first.wait(self.WAIT + 4)
        reading = self._notice_pause()
        if reading is not None:
            reading.wait(1.0)
        if self.lag() > self._lag_max:
            raise Unavailable("Revocations cannot be read at the moment.")

    def lag(self):
        known_at = self._known_at
        return float("inf") if known_at is None else time.monotonic() - known_at

    def revokes(self, claims, kid):
        return self._index.revokes(claims, kid)

    def _tick(self):
        while not self.stopped.wait(0.25):
            self._notice_pause()

    def _notice_pause(self):
        """After a pause of the process (SIGSTOP, a suspended container), requests wait for a read of the feed."""
        with self._lock:
            now = time.monotonic()
            if now - self._alive > 0.5:
                self._resuming = done = threading.Event()
                threading.Thread(target=self._resume, args=(done,), daemon=True).start()
            self._alive = now
            return self._resuming

    def _resume(self, done):
        try:
            while self._read(0):
                pass
        except FetchFailed:
            pass  # the thread that follows reports it
        finally:
            with self._lock:
                if self._resuming is done:
                    self._resuming = None
            done.set()

    def _follow(self):
        failures = 0
        while not self.stopped.is_set():
            pause = 0.1
            try:
                if self._read(0 if self._known_at is None else self.WAIT):
                    continue
                if failures > 0:
                    log.warning("the revocation feed can be read again")
                failures = 0
            except Exception as error:  # whatever it is, the thread goes on
                if failures == 0:
                    log.warning("the revocation feed cannot be read: %s", error)
                failures += 1
                pause = min(2.0, 0.1 * 2 ** min(failures, 5)) * random.uniform(0.5, 1)
            self._first.set()
            self.stopped.wait(pause)

    def _read(self, wait):
        """Reads one page. Returns True if there is more to read at once."""
        with self._lock:
            now, requested = int(time.time()), time.monotonic()
            # A clock that went back, here or on the server, had dropped or left out entries that count again.
            after = 0 if self._from_start or now < self._read_at else self._after
        query = urlencode({"after": after, "wait": wait, "kinds": KINDS})
        page, _ = _fetch_json(f"{self._url}?{query}", self.WAIT + 3.0, 16_777_216, self._token)
        epoch, last, server_now, waited = (page.get(name) for name in ("epoch", "last", "now", "waited"))
        rows, more = page.get("revocations"), page.get("more")
        counts_good = all(_is_whole(one) and one >= 0 for one in (last, server_now, waited))
        if not counts_good or not isinstance(epoch, str) or not isinstance(rows, list) or not isinstance(more, bool):
            raise FetchFailed("the response was not a page of revocations")
        for row in rows:
            _check_row(row)
        with self._lock:
            self._from_start = server_now < self._server_at - 1
            self._server_at, self._read_at = server_now, now
            again = self._apply(epoch, last, rows, after)
            self._sweep(now)
            if more or self._from_start or again:
                return True
            self._known_at = max(self._known_at or 0.0, min(requested + waited / 1000, time.monotonic()))
            return False

    def _apply(self, epoch, last, rows, after):
        """Returns True if everything must be read again, because the database is another one or an older state."""
        restored = self._epoch is not None and (epoch != self._epoch or last < self._after)
        self._epoch = epoch
        if after == 0:
            self._numbers.clear()
        elif restored or self._after < after:
            self._after = 0
            return True
        again = False
        # Entries are never removed here, because a restored database can have lost them.
        for row in rows:
            if row["kind"] in ("user", "roles", "all"):
                # The server might accept tokens without `sid` for a shorter time than this verifier.
                row["until"] = max(row["until"], row["at"] + self._foreign_ttl + LEEWAY_MAX)
            number = row.pop("n")
            identity = json.dumps(row, sort_keys=True)
            again |= self._numbers.setdefault(number, identity) != identity
            if identity not in self._rows:
                self._rows[identity] = row
                self._index.add(row)
        self._after = 0 if again else last
        return again

    def _sweep(self, now):
        if abs(now - self._swept_at) < 10:
            return
        self._swept_at = now
        ended = [identity for identity, row in self._rows.items() if row["until"] <= now]
        for identity in ended:
            del self._rows[identity]
        if ended:
            self._index = _Index(self._rows.values())


def _check_row(row):
    """An entry that were skipped would let a revoked token authorize, so an unknown one is a failure."""
    kind = row.get("kind") if isinstance(row, dict) else None
    members = _MEMBERS.get(kind) if isinstance(kind, str) else None
    if members is None:
        raise FetchFailed("the response has a kind of revocation that this file does not know")
    for name, kind in (_COMMON | members).items():
        value = row.get(name)
        if not (_is_whole(value) if kind is int else isinstance(value, kind)):
            raise FetchFailed("the response was not a page of revocations")


class _Index:
    """Finds the revocation of a token."""

    def __init__(self, rows):
        self._sessions, self._keys, self._users, self._logins = {}, set(), {}, {}
        self._era, self._at, self._sessions_at = -1, -1, -1
        for row in rows:
            self.add(row)

    def add(self, row):
        if row["kind"] == "session":
            # Without a generation, the row rejects every token of the session.
            name, gen = row["session_sha256"], row.get("gen")
            self._sessions[name] = max(gen if _is_whole(gen) else float("inf"), self._sessions.get(name, 0))
        elif row["kind"] == "signing_key":
            self._keys.add(row["kid"])
        elif row["kind"] == "all":
            self._era, self._at = max(self._era, row["era"]), max(self._at, row["at"])
            if row.get("sessions") is True:
                self._sessions_at = max(self._sessions_at, row["at"])
        else:
            self._users.setdefault(row["user"], []).append(row)
            self._logins.setdefault(row["login_sha256"], []).append(row)

    def revokes(self, claims, kid):
        sid, iat = claims.get("sid"), claims.get("iat")
        if kid in self._keys:
            return True
        if sid is None:
            if iat is None and self._at >= 0 or iat is not None and iat <= self._at:
                return True
        else:
            good = self._sessions.get(_sha256(sid))
            if good is not None and (good == float("inf") or claims.get("gen", good) < good):
                return True
            if _era(sid) < self._era or (iat or 0) <= self._sessions_at:
                return True
        if any(_row_revokes(row, claims) for row in self._users.get(claims.get("sub"), ())):
            return True
        # The token of a session belongs to its user by id alone.
        if not self._logins or _era(sid) >= 0:
            return False
        exact = _sha256(claims["login"])
        rows = self._logins.get(_sha256(claims["login"].lower()), ())
        return any(row.get("exact_sha256", exact) == exact and _row_revokes(row, claims) for row in rows)


def _row_revokes(row, claims):
    if _era(claims.get("sid")) < 0 or (row["kind"] == "user" and row.get("sessions") is True):
        older = "iat" not in claims or claims["iat"] <= row["at"]
    else:
        older = row["kind"] == "roles" and claims.get("ver", 0) < row["version"]
    return older and (row["kind"] == "user" or any(role in row["roles"] for role in claims.get("roles", ())))


def _era(sid):
    """The era in a session id, or -1 for an id that Ampho cannot have created."""
    match = re.match(r"([0-9a-z]{1,12})[^.]*\.", sid or "", re.IGNORECASE | re.ASCII)
    return -1 if match is None else int(match[1], 36)


def _sha256(text):
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


# Requests


def _check_url(url):
    parts = urlsplit(url)
    loopback = re.fullmatch(r"localhost|127(?:\.\d{1,3}){3}|::1", parts.hostname or "")
    if parts.username is not None or not (parts.scheme == "https" or (parts.scheme == "http" and loopback)):
        raise ValueError("a URL must be https, or http on the loopback interface, without a user name")


def _fetch_json(url, timeout, octets_max, bearer=None):
    """Returns the JSON object and the headers of a 200. Follows no redirect, because it can lead to another host."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname, parts.port, timeout=timeout)
    # The timeout of a connection is for each read alone. This one is for the whole response.
    timer = threading.Timer(timeout, _shut, (connection,))
    timer.daemon = True
    timer.start()
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = {"Accept": "application/json"}
        if bearer is not None:
            headers["Authorization"] = f"Bearer {bearer}"
        connection.request("GET", target, headers=headers)
        response = connection.getresponse()
        body = response.read(octets_max + 1)
        if response.status != 200:
            raise FetchFailed(f"the response was {response.status}")
        if len(body) > octets_max or response.length:
            raise FetchFailed("the response was too long or not complete")
        return _json(body), response.headers
    except (OSError, ValueError, http.client.HTTPException):
        raise FetchFailed("the server could not be reached") from None
    except Rejected:
        raise FetchFailed("the response was not one JSON object") from None
    finally:
        timer.cancel()
        connection.close()


def _shut(connection):
    try:
        if connection.sock is not None:
            # Not its own method, which would replace the state of TLS under the thread that reads.
            socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)
    except OSError:
        pass
