// Package amphoverify verifies the access tokens of an Ampho and rejects revoked ones within a second, as the npm
// package ampho/verify does. Copy this folder. It needs the standard library only.
//
// It is stricter than ampho/verify in three points: it requires an issuer and an audience, it uses published keys only
// if they have kid and alg, and with the feed it rejects a token of other software whose login is not ASCII.
package amphoverify

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	tokenMax  = 8192
	timeMax   = 253_402_300_799 // the year 9999
	leewayMax = 300 * time.Second
)

// Options of a verifier. JWKSURL, Issuer and Audience are required. Without FeedURL, revoked tokens are good until they
// expire.
type Options struct {
	// JWKSURL is {prefix}/.well-known/jwks.json: https, or http on the loopback interface.
	JWKSURL string
	// Issuer is the iss of every token, and Audience has one value at least of its aud.
	Issuer   string
	Audience []string
	// FeedURL is {prefix}/revocations, and FeedToken the AMPHO_SECURITY_REVOCATION_FEED_TOKEN of the server.
	FeedURL   string
	FeedToken string
	// Leeway is the clock skew that is allowed, at most 5 minutes. The default is a minute.
	Leeway time.Duration
	// ForeignTTL is how far ahead the exp of a token without sid can lie. The default is a day.
	ForeignTTL time.Duration
	// LagMax is how long the feed can be unreachable before tokens get 503. The default is 30 seconds.
	LagMax time.Duration
	// Log receives each line for people. The default is the log of the standard library.
	Log func(line string)
}

// Error is a request without a good token. Status and Code are those that Ampho responds with.
type Error struct {
	Status        int
	Code, Message string
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

func rejected(message string) *Error {
	return &Error{http.StatusUnauthorized, "invalid_token", message}
}
func unavailable(message string) *Error {
	return &Error{http.StatusServiceUnavailable, "unavailable", message}
}

// errUnknownKey means that no published key has the name or the algorithm of the token.
var errUnknownKey = rejected("The key of the token is not published.")

// Auth is the user of a token. Claims has the numbers as json.Number.
type Auth struct {
	// Credential is session, foreign, service or delegated.
	Credential    string
	ID, Login     string
	Roles, Scopes []string
	Session       string
	AMR           []string
	ACR           string
	Expires       time.Time
	Claims        map[string]any
}

// HasRole returns whether the token has the role.
func (a *Auth) HasRole(role string) bool { return slices.Contains(a.Roles, role) }

// Verifier is safe for concurrent use.
type Verifier struct {
	options Options
	keys    *keySource
	feed    *feed
}

// New follows the feed at once, and fetches the keys at the first token.
func New(options Options) (*Verifier, error) {
	for value, standard := range map[*time.Duration]time.Duration{
		&options.Leeway: time.Minute, &options.ForeignTTL: 24 * time.Hour, &options.LagMax: 30 * time.Second,
	} {
		if *value == 0 {
			*value = standard
		}
	}
	if options.Log == nil {
		options.Log = logLine
	}
	if options.Issuer == "" || len(options.Audience) == 0 || slices.Contains(options.Audience, "") {
		return nil, errors.New("Issuer and Audience must not be empty")
	}
	if options.Leeway < 0 || options.Leeway > leewayMax || options.ForeignTTL < 0 || options.LagMax < 5*time.Second {
		return nil, errors.New("Leeway must be at most 5 minutes, and LagMax at least 5 seconds")
	}
	jwksURL, err := checkURL(options.JWKSURL)
	if err != nil {
		return nil, err
	}
	verifier := &Verifier{options: options, keys: &keySource{url: jwksURL, log: options.Log}}
	if options.FeedURL == "" {
		return verifier, nil
	}
	feedURL, err := checkURL(options.FeedURL)
	if err != nil {
		return nil, err
	}
	if length := len(options.FeedToken); length < 32 || length > 1024 || !visible.MatchString(options.FeedToken) {
		return nil, errors.New("FeedToken must be the AMPHO_SECURITY_REVOCATION_FEED_TOKEN of the server")
	}
	verifier.feed = startFeed(feedURL, options)
	return verifier, nil
}

// Ready returns an Error if keys or revocations cannot be read now.
func (v *Verifier) Ready() error {
	if _, err := v.keys.current(); err != nil {
		return err
	}
	if v.feed != nil {
		return v.feed.requireKnown()
	}
	return nil
}

// Close ends the goroutines. It is called once.
func (v *Verifier) Close() {
	if v.feed != nil {
		close(v.feed.stopped)
	}
}

// RevocationLag is an upper bound of the time for which a revocation might be unknown here. It is negative before the
// first response of the feed.
func (v *Verifier) RevocationLag() time.Duration {
	if v.feed == nil {
		return 0
	}
	return v.feed.lag()
}

// Verify returns the user of a token, or an *Error. Without credentials it takes the kinds session and foreign.
func (v *Verifier) Verify(token string, credentials ...string) (*Auth, error) {
	if v.feed != nil {
		if err := v.feed.requireKnown(); err != nil {
			return nil, err
		}
	}
	keys, err := v.keys.current()
	if err != nil {
		return nil, err
	}
	claims, kid, err := v.verified(token, keys)
	for err == errUnknownKey {
		if keys, err = v.keys.newer(); err == nil {
			claims, kid, err = v.verified(token, keys)
		} else if err == errNotNewer {
			return nil, errUnknownKey
		}
	}
	if err != nil {
		return nil, err
	}
	if v.feed != nil && v.feed.revokes(claims, kid) {
		return nil, rejected("The token was revoked.")
	}
	auth := claims.auth()
	if len(credentials) == 0 {
		credentials = []string{"session", "foreign"}
	}
	if !slices.Contains(credentials, auth.Credential) {
		message := "This takes these kinds of tokens: " + strings.Join(credentials, ", ") + "."
		return nil, &Error{http.StatusForbidden, "credential_not_accepted", message}
	}
	return auth, nil
}

var visible = regexp.MustCompile(`^[!-~]+$`)
var bearer = regexp.MustCompile(`(?is)^bearer(?: +(.*))?$`)

// Guard calls the handler for requests with a good token, and responds to the others as Ampho does.
func (v *Verifier) Guard(handler func(http.ResponseWriter, *http.Request, *Auth), credentials ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		auth, err := (*Auth)(nil), error(&Error{http.StatusUnauthorized, "missing_token", "A bearer token is required."})
		if match := bearer.FindStringSubmatch(r.Header.Get("Authorization")); match != nil {
			auth, err = v.Verify(match[1], credentials...)
		}
		if err != nil {
			respond(w, err)
			return
		}
		handler(w, r, auth)
	})
}

func respond(w http.ResponseWriter, err error) {
	problem := unavailable("An error.")
	errors.As(err, &problem)
	switch problem.Status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", "Bearer")
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "1")
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(problem.Status)
	json.NewEncoder(w).Encode(map[string]string{"error": problem.Code, "message": problem.Message})
}

// claims are the claims that are read here. A pointer is nil for a claim that is not there.
type claims struct {
	members                           map[string]any
	sub, login, sid, jti, acr         string
	exp, nbf, iat, gen, ver, authTime *int64
	amr, roles                        []string
	scope                             string
	credential                        string
}

func (v *Verifier) verified(token string, keys keySet) (*claims, string, error) {
	segments := strings.Split(token, ".")
	if len(token) > tokenMax || len(segments) != 3 {
		return nil, "", rejected("The token is too long, or is not three segments.")
	}
	head, headOK := octets(segments[0])
	payload, payloadOK := octets(segments[1])
	signature, signatureOK := octets(segments[2])
	header, objectOK := parseObject(head)
	if !headOK || !payloadOK || !signatureOK || !objectOK {
		return nil, "", rejected("The token is not base64url, or its header is not a JSON object.")
	}
	algorithm, isText := header["alg"].(string)
	kid, kidIsText := header["kid"].(string)
	typ, typIsText := header["typ"].(string)
	if !isText || has(header, "crit") || has(header, "b64") || (has(header, "typ") && !typIsText) ||
		(has(header, "kid") && (!kidIsText || kid == "")) {
		return nil, "", rejected("A member of the header has the wrong type, or asks for an extension.")
	}
	candidates, found := []*key{}, false
	for _, one := range keys {
		if kid != "" && one.kid == kid || kid == "" && one.algorithm == algorithm {
			found = true
			if one.algorithm == algorithm {
				candidates = append(candidates, one)
			}
		}
	}
	if !found {
		return nil, "", errUnknownKey
	}
	signed := []byte(segments[0] + "." + segments[1])
	signer := slices.IndexFunc(candidates, func(one *key) bool { return one.verifies(signed, signature) })
	if signer < 0 {
		return nil, "", rejected("The signature or its algorithm is wrong.")
	}
	kind := strings.TrimPrefix(lowerASCII(typ), "application/")
	if has(header, "typ") && kind != "jwt" && kind != "at+jwt" {
		return nil, "", rejected("The token is of another type.")
	}
	members, ok := parseObject(payload)
	if !ok {
		return nil, "", rejected("The token is not a JSON object without repeated members.")
	}
	read, ok := readClaims(members)
	if !ok {
		return nil, "", rejected("A claim is missing or has the wrong type or range.")
	}
	if v.feed != nil && era(read.sid) < 0 && !isASCII(read.login) {
		return nil, "", rejected("The login of a token of other software is not ASCII, so it cannot be compared.")
	}
	return read, candidates[signer].kid, v.check(read)
}

func readClaims(members map[string]any) (*claims, bool) {
	read := &claims{members: members, credential: "foreign"}
	ok := true
	text := func(name string) string {
		value, isText := members[name].(string)
		ok = ok && (!has(members, name) || (isText && value != ""))
		return value
	}
	number := func(name string, least, most int64) *int64 {
		value, isWhole := whole(members[name])
		if !has(members, name) {
			return nil
		}
		ok = ok && isWhole && value >= least && value <= most
		return &value
	}
	list := func(name string) []string {
		value, isTexts := texts(members[name])
		ok = ok && (!has(members, name) || isTexts)
		return value
	}
	read.sub, read.login, read.sid, read.jti, read.acr = text("sub"), text("login"), text("sid"), text("jti"), text("acr")
	read.exp, read.nbf, read.iat = number("exp", 0, timeMax), number("nbf", 0, timeMax), number("iat", 0, timeMax)
	read.gen, read.ver = number("gen", 0, safeMax), number("ver", -safeMax, safeMax)
	read.authTime = number("auth_time", -safeMax, safeMax)
	read.amr, read.roles = list("amr"), list("roles")
	scope, isText := members["scope"].(string)
	read.scope = scope
	// A claim that is there counts, whatever its value.
	switch {
	case has(members, "act") || has(members, "by"):
		read.credential = "delegated"
	case has(members, "client_id"):
		read.credential = "service"
	case has(members, "sid"):
		read.credential = "session"
	}
	return read, ok && read.exp != nil && read.login != "" && (isText || !has(members, "scope"))
}

func (v *Verifier) check(read *claims) error {
	now, leeway := time.Now().Unix(), int64(v.options.Leeway/time.Second)
	if now >= *read.exp+leeway {
		return rejected("The token has expired.")
	}
	if (read.nbf != nil && *read.nbf > now+leeway) || (read.iat != nil && *read.iat > now+leeway) {
		return rejected("The token is not valid yet.")
	}
	if read.credential != "session" && *read.exp > now+int64(v.options.ForeignTTL/time.Second) {
		return rejected("The token belongs to no session and expires too far ahead.")
	}
	audiences, _ := texts(read.members["aud"])
	if one, isText := read.members["aud"].(string); isText {
		audiences = []string{one}
	}
	ours := func(one string) bool { return slices.Contains(v.options.Audience, one) }
	if read.members["iss"] != v.options.Issuer || !slices.ContainsFunc(audiences, ours) {
		return rejected("The token is from another issuer or for another audience.")
	}
	return nil
}

func (c *claims) auth() *Auth {
	auth := &Auth{
		Credential: c.credential, ID: c.sub, Login: c.login, Session: c.sid, AMR: c.amr, ACR: c.acr,
		Roles: []string{}, Scopes: strings.FieldsFunc(c.scope, func(r rune) bool { return r == ' ' }),
		Expires: time.Unix(*c.exp, 0), Claims: c.members,
	}
	// People have roles, and machines have scopes.
	if c.credential == "session" || c.credential == "foreign" {
		auth.Roles = append(auth.Roles, c.roles...)
	}
	if c.credential == "service" {
		auth.Session = ""
	}
	return auth
}

func checkURL(text string) (*url.URL, error) {
	parsed, err := url.Parse(text)
	loopback := regexp.MustCompile(`^(?:localhost|127(?:\.\d{1,3}){3}|::1)$`)
	if err != nil || parsed.Host == "" || parsed.User != nil ||
		!(parsed.Scheme == "https" || (parsed.Scheme == "http" && loopback.MatchString(parsed.Hostname()))) {
		return nil, fmt.Errorf("a URL must be https, or http on the loopback interface, without a user name")
	}
	return parsed, nil
}
