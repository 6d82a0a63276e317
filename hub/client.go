package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Endpoint is the hub that is asked unless told otherwise.
const Endpoint = "https://huggingface.co"

// Client asks a hub. The zero value asks Endpoint without a token.
type Client struct {
	Endpoint  string            // where the hub is; empty is Endpoint
	Token     string            // sent to the hub alone, never to the storage that it redirects to; empty is none
	Agent     string            // what the program calls itself
	Transport http.RoundTripper // nil is one of its own, which knows no proxy

	Attempts int           // that bring nothing before an error that may pass ends the work; 0 is 5
	Pause    time.Duration // after the first of them, twice as long after each further one; 0 is a second
	Patience time.Duration // for the next byte; 0 is a minute

	Note func(line string) // hears of waiting and of further attempts; may be nil
}

func (c Client) endpoint() string {
	if c.Endpoint == "" {
		return Endpoint
	}
	return strings.TrimRight(c.Endpoint, "/")
}

func (c Client) note(format string, args ...any) {
	if c.Note != nil {
		c.Note(fmt.Sprintf(format, args...))
	}
}

// statusError is an answer that is no content.
type statusError struct {
	status        int
	code, message string // X-Error-Code and X-Error-Message of the hub
	after         time.Duration
	host          string // that answered
	token         bool   // was sent
}

// Error implements error.
func (e *statusError) Error() string {
	text := fmt.Sprintf("%s answers %d %s", e.host, e.status, http.StatusText(e.status))
	if e.message != "" {
		text += ": " + e.message
	}
	return text
}

// PassingError is a failure of the network or the hub that may be gone at the next attempt.
type PassingError struct{ error }

// Unwrap returns what failed.
func (e PassingError) Unwrap() error { return e.error }

func passing(err error) error {
	if err == nil {
		return nil
	}
	return PassingError{err}
}

// insist does something again as long as it fails in a way that may pass, with growing pauses. An attempt that brought
// something forward does not count.
func (c Client) insist(ctx context.Context, what string, attempt func() (progressed bool, err error)) error {
	attempts, pause := c.Attempts, c.Pause
	if attempts == 0 {
		attempts = 5
	}
	if pause == 0 {
		pause = time.Second
	}
	for failed, wait := 0, pause; ; wait *= 2 {
		progressed, err := attempt()
		var again PassingError
		if err == nil || ctx.Err() != nil || !errors.As(err, &again) {
			return err
		}
		if progressed {
			failed, wait = 0, pause
		}
		if failed++; failed >= attempts {
			return fmt.Errorf("%w (%d attempts)", err, attempts)
		}
		var status *statusError
		if errors.As(err, &status) && status.after > wait {
			wait = status.after
		}
		c.note("%s: %v; trying again in %s", what, err, wait)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

// get asks for the bytes of an address from an offset on, and follows redirects. The token goes to the hub's own scheme
// and host alone: what it redirects to is addressed by a signature, and may be anybody's. A connection that brings nothing
// for as long as there is patience is closed.
func (c Client) get(ctx context.Context, address string, from int64) (*answer, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	patience := c.Patience
	if patience == 0 {
		patience = time.Minute
	}
	timer := time.AfterFunc(patience, func() { cancel(errStalled) })
	response, token, err := c.follow(ctx, address, from)
	if err != nil {
		timer.Stop()
		cancel(nil)
		return nil, stalled(ctx, err)
	}
	a := &answer{response: response, ctx: ctx, cancel: cancel, timer: timer, patience: patience}
	if response.StatusCode == http.StatusOK || response.StatusCode == http.StatusPartialContent {
		return a, nil
	}
	_ = a.Close() // of no interest
	return nil, statusOf(response, token)
}

var errStalled = errors.New("nothing came for too long")

// stalled is an error of a request, which only says that its context ended where the timer ended it.
func stalled(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errStalled) {
		return passing(errStalled)
	}
	return err
}

// follow sends the request and goes where it is redirected.
func (c Client) follow(ctx context.Context, address string, from int64) (response *http.Response, token bool, err error) {
	const most = 10
	home, err := url.Parse(c.endpoint())
	if err != nil || home.Host == "" || home.Scheme != "http" && home.Scheme != "https" {
		return nil, false, fmt.Errorf("%q is no address of a hub: want one such as %s", c.endpoint(), Endpoint)
	}
	transport := c.Transport
	if transport == nil {
		transport = &http.Transport{}
	}
	at, err := url.Parse(address)
	for range most {
		if err != nil {
			return nil, false, fmt.Errorf("redirect: %w", err)
		}
		if at.Scheme != "http" && at.Scheme != "https" || home.Scheme == "https" && at.Scheme != "https" {
			return nil, false, fmt.Errorf("%s redirects to %s://%s, which is not followed", home.Host, at.Scheme, at.Host)
		}
		token = c.Token != "" && at.Scheme == home.Scheme && at.Host == home.Host
		if response, err = transport.RoundTrip(c.request(ctx, at, from, token)); err != nil {
			return nil, false, explainConnection(ctx, at, err)
		}
		next := response.Header.Get("Location")
		if response.StatusCode < 300 || response.StatusCode >= 400 || next == "" {
			return response, token, nil
		}
		_ = response.Body.Close() // a redirect's own text
		at, err = at.Parse(next)
	}
	return nil, false, fmt.Errorf("%s: more than %d redirects", home.Host, most)
}

func (c Client) request(ctx context.Context, at *url.URL, from int64, token bool) *http.Request {
	r := (&http.Request{Method: http.MethodGet, URL: at, Host: at.Host, Header: http.Header{}}).WithContext(ctx)
	// Compressed on the way, the bytes would be others than those that are counted and continued.
	r.Header.Set("Accept-Encoding", "identity")
	if c.Agent != "" {
		r.Header.Set("User-Agent", c.Agent)
	}
	if token {
		r.Header.Set("Authorization", "Bearer "+c.Token)
	}
	if from > 0 {
		r.Header.Set("Range", fmt.Sprintf("bytes=%d-", from))
	}
	return r
}

// explainConnection leaves the address out of an error but for the host: the rest may be a signature.
func explainConnection(ctx context.Context, at *url.URL, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var unknown *net.DNSError
	if errors.As(err, &unknown) && unknown.IsNotFound {
		return fmt.Errorf("%s is not known here: %w (is there a network? HF_ENDPOINT names another hub)", at.Host, err)
	}
	return passing(fmt.Errorf("%s: %w", at.Host, err))
}

func statusOf(r *http.Response, token bool) error {
	e := &statusError{status: r.StatusCode, code: r.Header.Get("X-Error-Code"), message: r.Header.Get("X-Error-Message"), host: r.Request.URL.Host, token: token}
	if s, err := strconv.Atoi(r.Header.Get("Retry-After")); err == nil && s > 0 {
		e.after = min(time.Duration(s)*time.Second, time.Minute)
	}
	switch r.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return passing(e)
	}
	return e
}

// explainAnswer says of an answer about a model what it means and what to do.
func explainAnswer(err error, c Client, n Name) error {
	var e *statusError
	if !errors.As(err, &e) {
		return err
	}
	gated := e.code == "GatedRepo" || strings.Contains(strings.ToLower(e.message), "gated")
	switch {
	case gated && e.token:
		return fmt.Errorf("%s is gated, and the token's account has no access: accept its terms at %s/%s: %w", n.ID, c.endpoint(), n.ID, err)
	case gated:
		return fmt.Errorf("%s is gated: accept its terms at %s/%s and give a token (HF_TOKEN, or `hf auth login`): %w", n.ID, c.endpoint(), n.ID, err)
	case e.code == "RevisionNotFound":
		return fmt.Errorf("%s has no revision %s: %w", n.ID, n.revision(), err)
	case e.status == http.StatusUnauthorized && e.token:
		return fmt.Errorf("the token is refused, or there is no model %s: %w", n.ID, err)
	case e.status == http.StatusUnauthorized:
		return fmt.Errorf("there is no model %s, or it is private and wants a token (HF_TOKEN, or `hf auth login`): %w", n.ID, err)
	case e.status == http.StatusForbidden:
		return fmt.Errorf("the token has no access to %s: %w", n.ID, err)
	case e.status == http.StatusNotFound:
		return fmt.Errorf("there is no model %s: %w", n, err)
	}
	return err
}

// answer is the body of a response, read with patience.
type answer struct {
	response *http.Response
	ctx      context.Context
	cancel   context.CancelCauseFunc
	timer    *time.Timer
	patience time.Duration
}

// Read implements io.Reader. A failure of the connection may pass.
func (a *answer) Read(p []byte) (int, error) {
	n, err := a.response.Body.Read(p)
	if n > 0 {
		a.timer.Reset(a.patience)
	}
	if err == nil || err == io.EOF {
		return n, err
	}
	if cause := stalled(a.ctx, err); cause != err {
		return n, cause
	}
	if a.ctx.Err() != nil {
		return n, a.ctx.Err()
	}
	return n, passing(fmt.Errorf("%s: %w", a.response.Request.URL.Host, err))
}

// Close implements io.Closer.
func (a *answer) Close() error {
	a.timer.Stop()
	err := a.response.Body.Close()
	a.cancel(nil)
	return err
}

// start is the offset of the body's first byte in the file.
func (a *answer) start() (int64, error) {
	if a.response.StatusCode == http.StatusOK {
		return 0, nil
	}
	stated := a.response.Header.Get("Content-Range")
	first, _, _ := strings.Cut(strings.TrimPrefix(stated, "bytes "), "-")
	at, err := strconv.ParseInt(first, 10, 64)
	if err != nil || !strings.HasPrefix(stated, "bytes ") {
		return 0, fmt.Errorf("%s answers a part without saying which: Content-Range %q", a.response.Request.URL.Host, stated)
	}
	return at, nil
}
