package amphoverify

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"math/rand"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"
)

const waitSeconds = 2

// row is an entry of the feed.
type row struct {
	n, at, until, era, version, gen        int64
	kind, session, user, login, exact, kid string
	sessions                               bool
	roles                                  []string
}

// feed follows the revocation feed. One request is always open.
type feed struct {
	url     *url.URL
	options Options
	stopped chan struct{}
	first   chan struct{}

	lock                    sync.Mutex
	rows                    map[string]row
	numbers                 map[int64]string
	epoch                   string
	after                   int64
	readAt, serverAt, swept int64
	fromStart               bool
	known, alive            time.Time
	resuming                chan struct{}
	indexLock               sync.RWMutex
	index                   *index
}

func startFeed(target *url.URL, options Options) *feed {
	f := &feed{
		url: target, options: options, stopped: make(chan struct{}), first: make(chan struct{}),
		rows: map[string]row{}, numbers: map[int64]string{}, index: newIndex(), alive: time.Now(),
	}
	go f.follow()
	go f.tick()
	return f
}

func (f *feed) requireKnown() error {
	select {
	case <-f.first:
	case <-time.After((waitSeconds + 4) * time.Second):
	}
	if reading := f.noticePause(); reading != nil {
		select {
		case <-reading:
		case <-time.After(time.Second):
		}
	}
	if lag := f.lag(); lag < 0 || lag > f.options.LagMax {
		return unavailable("Revocations cannot be read at the moment.")
	}
	return nil
}

func (f *feed) lag() time.Duration {
	f.lock.Lock()
	defer f.lock.Unlock()
	if f.known.IsZero() {
		return -1
	}
	return time.Since(f.known)
}

func (f *feed) tick() {
	ticker := time.NewTicker(250 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-f.stopped:
			return
		case <-ticker.C:
			f.noticePause()
		}
	}
}

// noticePause: after a pause of the process (SIGSTOP, a suspended container), requests wait for a read of the feed.
func (f *feed) noticePause() chan struct{} {
	f.lock.Lock()
	defer f.lock.Unlock()
	if time.Since(f.alive) > 500*time.Millisecond {
		done := make(chan struct{})
		f.resuming = done
		go func() {
			for more, err := true, error(nil); more && err == nil; {
				more, err = f.read(0)
			}
			f.lock.Lock()
			defer f.lock.Unlock()
			if f.resuming == done {
				f.resuming = nil
			}
			close(done)
		}()
	}
	f.alive = time.Now()
	return f.resuming
}

func (f *feed) follow() {
	failures, started := 0, false
	for {
		wait := waitSeconds
		if f.lag() < 0 {
			wait = 0
		}
		more, err := f.read(wait)
		pause := 100 * time.Millisecond
		if err == nil {
			if more {
				continue
			}
			if failures > 0 {
				f.options.Log("the revocation feed can be read again")
			}
			failures = 0
		} else {
			if failures == 0 {
				f.options.Log("the revocation feed cannot be read: " + err.Error())
			}
			failures++
			limit := min(2*time.Second, pause<<min(failures, 5))
			pause = limit/2 + time.Duration(rand.Int63n(int64(limit/2)))
		}
		if !started {
			started = true
			close(f.first)
		}
		select {
		case <-f.stopped:
			return
		case <-time.After(pause):
		}
	}
}

// read reads one page. It returns true if there is more to read at once.
func (f *feed) read(wait int) (bool, error) {
	f.lock.Lock()
	requested, after := time.Now(), f.after
	now := requested.Unix()
	// A clock that went back, here or on the server, had dropped or left out entries that count again.
	if f.fromStart || now < f.readAt {
		after = 0
	}
	f.lock.Unlock()
	target := *f.url
	query := target.Query()
	query.Set("after", strconv.FormatInt(after, 10))
	query.Set("wait", strconv.Itoa(wait))
	query.Set("kinds", "session,user,roles,signing_key,all")
	target.RawQuery = query.Encode()
	page, _, err := fetchJSON(target.String(), f.options.FeedToken, (waitSeconds+3)*time.Second, 16_777_216)
	if err != nil {
		return false, err
	}
	epoch, epochOK := page["epoch"].(string)
	last, lastOK := whole(page["last"])
	serverNow, nowOK := whole(page["now"])
	waited, waitedOK := whole(page["waited"])
	entries, entriesOK := page["revocations"].([]any)
	more, moreOK := page["more"].(bool)
	if !epochOK || !lastOK || !nowOK || !waitedOK || !entriesOK || !moreOK || last < 0 || serverNow < 0 || waited < 0 {
		return false, errors.New("the response was not a page of revocations")
	}
	rows := make([]row, 0, len(entries))
	for _, entry := range entries {
		one, ok := readRow(entry)
		// An entry that were skipped would let a revoked token authorize.
		if !ok {
			return false, errors.New("the response has a revocation that this package does not know")
		}
		rows = append(rows, one)
	}
	f.lock.Lock()
	defer f.lock.Unlock()
	f.fromStart = serverNow < f.serverAt-1
	f.serverAt, f.readAt = serverNow, now
	again := f.apply(epoch, last, rows, after)
	f.sweep(now)
	if more || f.fromStart || again {
		return true, nil
	}
	known := requested.Add(time.Duration(waited) * time.Millisecond)
	if current := time.Now(); known.After(current) {
		known = current
	}
	if known.After(f.known) {
		f.known = known
	}
	return false, nil
}

// apply returns true if everything must be read again, because the database is another one or an older state.
func (f *feed) apply(epoch string, last int64, rows []row, after int64) bool {
	restored := f.epoch != "" && (epoch != f.epoch || last < f.after)
	f.epoch = epoch
	if after == 0 {
		clear(f.numbers)
	} else if restored || f.after < after {
		f.after = 0
		return true
	}
	again := false
	f.indexLock.Lock()
	defer f.indexLock.Unlock()
	// Entries are never removed here, because a restored database can have lost them.
	for _, one := range rows {
		if one.kind != "session" && one.kind != "signing_key" {
			// The server might accept tokens without sid for a shorter time than this verifier.
			one.until = max(one.until, one.at+int64((f.options.ForeignTTL+leewayMax)/time.Second))
		}
		number := one.n
		one.n = 0
		identity := fmt.Sprintf("%#v", one)
		before, numbered := f.numbers[number]
		again = again || (numbered && before != identity)
		f.numbers[number] = identity
		if _, found := f.rows[identity]; !found {
			f.rows[identity] = one
			f.index.add(one)
		}
	}
	f.after = last
	if again {
		f.after = 0
	}
	return again
}

func (f *feed) sweep(now int64) {
	if now-f.swept < 10 && f.swept-now < 10 {
		return
	}
	f.swept = now
	next := newIndex()
	for identity, one := range f.rows {
		if one.until <= now {
			delete(f.rows, identity)
		} else {
			next.add(one)
		}
	}
	f.indexLock.Lock()
	defer f.indexLock.Unlock()
	f.index = next
}

func readRow(entry any) (row, bool) {
	object, ok := entry.(map[string]any)
	number := func(name string) int64 {
		value, isWhole := whole(object[name])
		ok = ok && isWhole
		return value
	}
	text := func(name string) string {
		value, isText := object[name].(string)
		ok = ok && isText
		return value
	}
	read := row{n: number("n"), at: number("at"), until: number("until"), kind: text("kind")}
	read.sessions = object["sessions"] == true
	switch read.kind {
	case "session":
		read.session, read.gen = text("session_sha256"), math.MaxInt64
		// Without a generation, the row rejects every token of the session.
		if gen, isWhole := whole(object["gen"]); isWhole {
			read.gen = gen
		}
	case "user", "roles":
		read.user, read.login = text("user"), text("login_sha256")
		if read.kind == "user" {
			read.exact, _ = object["exact_sha256"].(string)
		} else {
			roles, isTexts := texts(object["roles"])
			read.version, read.roles, ok = number("version"), roles, ok && isTexts
		}
	case "signing_key":
		read.kid = text("kid")
	case "all":
		read.era = number("era")
	default:
		ok = false
	}
	return read, ok
}

func (f *feed) revokes(c *claims, kid string) bool {
	f.indexLock.RLock()
	defer f.indexLock.RUnlock()
	return f.index.revokes(c, kid)
}

// index finds the revocation of a token.
type index struct {
	sessions            map[string]int64
	keys                map[string]bool
	users, logins       map[string][]row
	era, at, sessionsAt int64
}

func newIndex() *index {
	return &index{map[string]int64{}, map[string]bool{}, map[string][]row{}, map[string][]row{}, -1, -1, -1}
}

func (i *index) add(one row) {
	switch one.kind {
	case "session":
		i.sessions[one.session] = max(one.gen, i.sessions[one.session])
	case "signing_key":
		i.keys[one.kid] = true
	case "all":
		i.era, i.at = max(i.era, one.era), max(i.at, one.at)
		if one.sessions {
			i.sessionsAt = max(i.sessionsAt, one.at)
		}
	default:
		i.users[one.user] = append(i.users[one.user], one)
		i.logins[one.login] = append(i.logins[one.login], one)
	}
}

func (i *index) revokes(c *claims, kid string) bool {
	if i.keys[kid] {
		return true
	}
	if c.sid == "" {
		if i.at >= 0 && (c.iat == nil || *c.iat <= i.at) {
			return true
		}
	} else {
		good, found := i.sessions[digest(c.sid)]
		if found && (good == math.MaxInt64 || (c.gen != nil && *c.gen < good)) {
			return true
		}
		if era(c.sid) < i.era || valueOf(c.iat) <= i.sessionsAt {
			return true
		}
	}
	revoked := func(one row) bool { return one.revokes(c) }
	if c.sub != "" && slices.ContainsFunc(i.users[c.sub], revoked) {
		return true
	}
	// The token of a session belongs to its user by id alone.
	if len(i.logins) == 0 || era(c.sid) >= 0 {
		return false
	}
	exact := digest(c.login)
	return slices.ContainsFunc(i.logins[digest(lowerASCII(c.login))], func(one row) bool {
		return (one.exact == "" || one.exact == exact) && one.revokes(c)
	})
}

func (r row) revokes(c *claims) bool {
	older := r.kind == "roles" && valueOf(c.ver) < r.version
	if era(c.sid) < 0 || (r.kind == "user" && r.sessions) {
		older = c.iat == nil || *c.iat <= r.at
	}
	holds := func(role string) bool { return slices.Contains(c.roles, role) }
	return older && (r.kind == "user" || slices.ContainsFunc(r.roles, holds))
}

func valueOf(number *int64) int64 {
	if number == nil {
		return 0
	}
	return *number
}

var sessionID = regexp.MustCompile(`^([0-9A-Za-z]{1,12})[^.]*\.`)

// era returns the era in a session id, or -1 for an id that Ampho cannot have created.
func era(sid string) int64 {
	match := sessionID.FindStringSubmatch(sid)
	if match == nil {
		return -1
	}
	number, _ := strconv.ParseInt(match[1], 36, 64)
	return number
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// fetchJSON returns the JSON object and the header of a 200. It follows no redirect, which can lead to another host.
func fetchJSON(target, bearer string, timeout time.Duration, octetsMax int64) (map[string]any, http.Header, error) {
	request, err := http.NewRequest(http.MethodGet, target, nil)
	if err != nil {
		return nil, nil, err
	}
	request.Header.Set("Accept", "application/json")
	if bearer != "" {
		request.Header.Set("Authorization", "Bearer "+bearer)
	}
	client := http.Client{Timeout: timeout, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	response, err := client.Do(request)
	if err != nil {
		return nil, nil, errors.New("the server could not be reached")
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, octetsMax+1))
	if err != nil || int64(len(body)) > octetsMax {
		return nil, nil, errors.New("the response was too long or not complete")
	}
	if response.StatusCode != http.StatusOK {
		return nil, nil, fmt.Errorf("the response was %d", response.StatusCode)
	}
	object, ok := parseObject(body)
	if !ok {
		return nil, nil, errors.New("the response was not one JSON object")
	}
	return object, response.Header, nil
}

func logLine(line string) { log.Print("ampho: " + line) }
