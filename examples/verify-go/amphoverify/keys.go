package amphoverify

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	_ "crypto/sha256"
	_ "crypto/sha512"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"
)

// key is a published key, bound to one algorithm.
type key struct {
	kid, algorithm string
	members        string
	verifies       func(signed, signature []byte) bool
}

type keySet []*key

var hashes = map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}

var curves = map[string]struct {
	name  string
	curve elliptic.Curve
}{"ES256": {"P-256", elliptic.P256()}, "ES384": {"P-384", elliptic.P384()}, "ES512": {"P-521", elliptic.P521()}}

// importKey returns nil for a key that cannot be used, and for a secret or private one.
func importKey(value any) *key {
	jwk, isObject := value.(map[string]any)
	if !isObject {
		return nil
	}
	text := func(name string) string { one, _ := jwk[name].(string); return one }
	kid, algorithm, kty, crv := text("kid"), text("alg"), text("kty"), text("crv")
	operations, isList := texts(jwk["key_ops"])
	if kid == "" || len(algorithm) < 5 || has(jwk, "d") || has(jwk, "k") || (has(jwk, "use") && text("use") != "sig") ||
		(has(jwk, "key_ops") && (!isList || !slices.Contains(operations, "verify"))) {
		return nil
	}
	members := fmt.Sprint([]string{crv, text("x"), text("y"), text("n"), text("e")})
	one := &key{kid: kid, algorithm: algorithm, members: members}
	member := func(name string) []byte {
		if decoded, ok := octets(text(name)); ok {
			return decoded
		}
		return nil
	}
	hash := hashes[algorithm[2:]]
	digest := func(signed []byte) []byte {
		hasher := hash.New()
		hasher.Write(signed)
		return hasher.Sum(nil)
	}
	switch family := algorithm[:2]; {
	case (algorithm == "EdDSA" || algorithm == "Ed25519") && kty == "OKP" && crv == "Ed25519":
		x := member("x")
		if len(x) != ed25519.PublicKeySize {
			return nil
		}
		one.verifies = func(signed, signature []byte) bool { return ed25519.Verify(x, signed, signature) }
	case family == "ES" && hash != 0 && kty == "EC" && crv == curves[algorithm].name:
		curve := curves[algorithm].curve
		size := (curve.Params().BitSize + 7) / 8
		x, y := member("x"), member("y")
		public := &ecdsa.PublicKey{Curve: curve, X: new(big.Int).SetBytes(x), Y: new(big.Int).SetBytes(y)}
		if _, err := public.ECDH(); err != nil || len(x) != size || len(y) != size {
			return nil
		}
		one.verifies = func(signed, signature []byte) bool {
			if len(signature) != 2*size {
				return false
			}
			r, s := new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:])
			return ecdsa.Verify(public, digest(signed), r, s)
		}
	case (family == "RS" || family == "PS") && hash != 0 && kty == "RSA":
		n, e := new(big.Int).SetBytes(member("n")), new(big.Int).SetBytes(member("e"))
		if n.BitLen() < 2048 || n.BitLen() > 16_384 || n.Bit(0) == 0 ||
			e.BitLen() > 31 || e.Int64() < 65_537 || e.Bit(0) == 0 {
			return nil
		}
		public := &rsa.PublicKey{N: n, E: int(e.Int64())}
		one.verifies = func(signed, signature []byte) bool {
			if family == "PS" {
				saltAsHash := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
				return rsa.VerifyPSS(public, hash, digest(signed), signature, saltAsHash) == nil
			}
			return rsa.VerifyPKCS1v15(public, hash, digest(signed), signature) == nil
		}
	default:
		return nil
	}
	return one
}

// importKeys skips what cannot be used. Of two keys with one kid, and of one key with two algorithms, the first counts.
func importKeys(object map[string]any) (keySet, error) {
	members, isList := object["keys"].([]any)
	if !isList {
		return nil, errors.New("the response was not a JWK Set")
	}
	keys := keySet{}
	for _, member := range members {
		one := importKey(member)
		if one == nil || slices.ContainsFunc(keys, func(other *key) bool {
			return other.kid == one.kid || (other.members == one.members && other.algorithm != one.algorithm)
		}) {
			continue
		}
		keys = append(keys, one)
	}
	return keys, nil
}

// errNotNewer means that the keys were fetched a moment ago.
var errNotNewer = errors.New("the keys were fetched a moment ago")

const unknownKeyPause = 10 * time.Second

// keySource has the published keys. Requests start the fetches and share them, so there is no timer.
type keySource struct {
	url *url.URL
	log func(string)

	lock                          sync.Mutex
	keys                          keySet
	lifetime                      time.Duration
	fetched, attempted, refetched time.Time
	failing                       bool
	fetching                      chan struct{}
}

// current returns the keys. It waits for them only if they are unknown or too old.
func (s *keySource) current() (keySet, error) {
	s.lock.Lock()
	age, wait := time.Since(s.fetched), (chan struct{})(nil)
	if s.keys == nil || age >= s.lifetime*8/10 {
		pause := time.Duration(0)
		if s.failing {
			pause = 10 * time.Second
			if s.keys == nil {
				pause = time.Second
			}
		}
		if time.Since(s.attempted) >= pause {
			s.fetch()
		}
		if s.keys == nil || (age >= s.lifetime && !s.failing) {
			wait = s.fetching
		}
	}
	s.lock.Unlock()
	return s.await(wait)
}

// newer fetches the keys because one is unknown. It returns errNotNewer if that was done a moment ago.
func (s *keySource) newer() (keySet, error) {
	s.lock.Lock()
	if s.fetching == nil {
		if time.Since(s.refetched) < unknownKeyPause {
			defer s.lock.Unlock()
			if s.failing {
				return nil, unavailable("The keys cannot be fetched at the moment.")
			}
			return nil, errNotNewer
		}
		s.refetched = time.Now()
		s.fetch()
	}
	wait := s.fetching
	s.lock.Unlock()
	return s.await(wait)
}

func (s *keySource) await(fetching chan struct{}) (keySet, error) {
	if fetching != nil {
		<-fetching
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.keys == nil {
		return nil, unavailable("The keys cannot be fetched at the moment.")
	}
	return s.keys, nil
}

// fetch starts a fetch, unless one runs. The caller holds the lock.
func (s *keySource) fetch() {
	if s.fetching != nil {
		return
	}
	done, requested := make(chan struct{}), time.Now()
	s.fetching, s.attempted = done, requested
	go func() {
		defer close(done)
		object, header, err := fetchJSON(s.url.String(), "", 5*time.Second, 65_536)
		keys := keySet(nil)
		if err == nil {
			keys, err = importKeys(object)
		}
		s.lock.Lock()
		defer s.lock.Unlock()
		if err != nil {
			if !s.failing {
				s.log("keys cannot be fetched: " + err.Error())
			}
		} else {
			if len(keys) == 0 {
				s.log("the published set contains no usable key")
			}
			s.keys, s.fetched, s.lifetime = keys, requested, lifetimeOf(header)
		}
		s.failing, s.fetching = err != nil, nil
	}()
}

var (
	noCache = regexp.MustCompile(`(?i)(?:^|[,\s])no-(?:store|cache)\b`)
	maxAge  = regexp.MustCompile(`(?i)(?:^|[,\s])max-age="?(\d{1,10})`)
	aged    = regexp.MustCompile(`^\d{1,10}$`)
)

func lifetimeOf(header http.Header) time.Duration {
	control := header.Get("Cache-Control")
	if noCache.MatchString(control) {
		return time.Minute
	}
	match := maxAge.FindStringSubmatch(control)
	if match == nil {
		return 5 * time.Minute
	}
	seconds, _ := strconv.ParseInt(match[1], 10, 64)
	spent, _ := strconv.ParseInt(aged.FindString(header.Get("Age")), 10, 64)
	return min(time.Hour, max(time.Minute, time.Duration(seconds-spent)*time.Second))
}
