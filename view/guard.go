package view

import (
	"crypto/subtle"
	"mime"
	"net/http"
	"strings"
)

// tokenHeader carries the secret of a request that writes. A page of another origin can neither read the secret nor set
// the header.
const tokenHeader = "X-Quarry-Token"

// policy lets a page run its own scripts and talk to its own server, nothing else. Plot's drawings bring style elements.
const policy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// guard answers requests that come from the view's own pages, and refuses the others before anything is looked at: of another
// host by name, which a name that was bound anew to 127.0.0.1 would be, of another origin, and writes without the secret.
func (v *View) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if why := v.refuse(r); why != "" {
			http.Error(w, why, http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// refuse says why a request is refused; empty where it is not.
func (v *View) refuse(r *http.Request) string {
	if !v.ownHost(r.Host) {
		return "this view is reached as " + v.options.Host + " alone"
	}
	for _, origin := range r.Header.Values("Origin") {
		host, ok := strings.CutPrefix(origin, "http://")
		if !ok || !v.ownHost(host) {
			return "requests of other pages are refused"
		}
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
	default:
		return "requests of other pages are refused"
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return ""
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return "what is written comes as application/json"
	}
	if subtle.ConstantTimeCompare([]byte(r.Header.Get(tokenHeader)), []byte(v.options.Token)) != 1 {
		return "the page's token is missing or of another view: load the page again"
	}
	return ""
}

// ownHost says whether a host is the view's: its address, or localhost in the place of 127.0.0.1, with the port that it
// serves (80 stands for none). That name is safe: browsers lead it to this machine whatever a name server says, so that no
// page can be loaded under it from elsewhere and bound anew.
func (v *View) ownHost(host string) bool {
	own, served, _ := strings.Cut(v.options.Host, ":")
	name, port, ok := strings.Cut(host, ":")
	if !ok {
		port = "80"
	}
	return port == served && (name == own || name == "localhost" && own == "127.0.0.1")
}
