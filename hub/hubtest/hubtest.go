// Package hubtest serves models by the API of the Hugging Face hub, on this machine, with the faults that a test wants.
package hubtest

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// File is a file of a model.
type File struct {
	Content []byte
	LFS     bool // its content lies in the storage, to which the hub redirects
}

// Digest is the name of the file's blob.
func (f File) Digest() string {
	if f.LFS {
		sum := sha256.Sum256(f.Content)
		return hex.EncodeToString(sum[:])
	}
	sum := sha1.Sum(append([]byte(fmt.Sprintf("blob %d\x00", len(f.Content))), f.Content...))
	return hex.EncodeToString(sum[:])
}

// Model is a repository with one commit.
type Model struct {
	Commit   string
	Branches []string // that point to the commit; main is one of them always
	Files    map[string]File
	Gated    bool // wants the token
}

// Faults are what goes wrong. All of them are of the answers to come.
type Faults struct {
	CutAfter int64 // bytes after which so many answers with content end
	Cuts     int
	Statuses []int // of the next answers
	NoRanges bool
	Corrupt  bool          // content has another first byte
	Longer   bool          // content has a byte more
	Stall    time.Duration // before the content
	LFSHost  string        // in place of the storage's address
}

// Server is a hub and the storage beside it.
type Server struct {
	Hub, Storage *httptest.Server
	Models       map[string]*Model
	Token        string // that gated models want

	mu       sync.Mutex
	faults   Faults
	requests []string
	leaked   []string
}

// New starts a server, which ends with the test.
func New(t testing.TB, models map[string]*Model) *Server {
	s := &Server{Models: models}
	s.Hub = httptest.NewServer(http.HandlerFunc(s.hub))
	s.Storage = httptest.NewServer(http.HandlerFunc(s.storage))
	t.Cleanup(func() {
		s.Hub.Close()
		s.Storage.Close()
	})
	return s
}

// Fail sets the faults of what comes.
func (s *Server) Fail(f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = f
}

// Requests returns what was asked since the last call: "GET /path", and behind it the range.
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := s.requests
	s.requests = nil
	return asked
}

// Leaked lists the addresses of the storage that a token was sent to.
func (s *Server) Leaked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.leaked)
}

func (s *Server) log(r *http.Request) Faults {
	s.mu.Lock()
	defer s.mu.Unlock()
	line := r.Method + " " + r.URL.Path
	if asked := r.Header.Get("Range"); asked != "" {
		line += " " + asked
	}
	s.requests = append(s.requests, line)
	return s.faults
}

// status takes the next status that a fault sets.
func (s *Server) status() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.faults.Statuses) == 0 {
		return 0
	}
	next := s.faults.Statuses[0]
	s.faults.Statuses = s.faults.Statuses[1:]
	return next
}

func (s *Server) hub(w http.ResponseWriter, r *http.Request) {
	f := s.log(r)
	if code := s.status(); code != 0 {
		http.Error(w, "a fault", code)
		return
	}
	path, api := strings.CutPrefix(r.URL.EscapedPath(), "/api/models/")
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	at := slices.Index(parts, map[bool]string{true: "revision", false: "resolve"}[api])
	if at < 1 || at+1 >= len(parts) {
		refuse(w, http.StatusNotFound, "EntryNotFound", "no such address")
		return
	}
	id := strings.Join(parts[:at], "/")
	m, ok := s.Models[id]
	switch {
	case !ok:
		refuse(w, http.StatusNotFound, "RepoNotFound", "Repository not found")
		return
	case m.Gated && !api && r.Header.Get("Authorization") == "": // the listing of a gated model is open
		refuse(w, http.StatusUnauthorized, "GatedRepo", "Access to model "+id+" is restricted")
		return
	case m.Gated && !api && r.Header.Get("Authorization") != "Bearer "+s.Token:
		refuse(w, http.StatusForbidden, "GatedRepo", "Access to model "+id+" is restricted")
		return
	}
	revision := strings.ReplaceAll(parts[at+1], "%2F", "/")
	if revision != m.Commit && revision != "main" && !slices.Contains(m.Branches, revision) {
		refuse(w, http.StatusNotFound, "RevisionNotFound", "Invalid rev id: "+revision)
		return
	}
	if api {
		m.list(w, id)
		return
	}
	file, ok := m.Files[strings.Join(parts[at+2:], "/")]
	if !ok {
		refuse(w, http.StatusNotFound, "EntryNotFound", "Entry not found")
		return
	}
	w.Header().Set("X-Repo-Commit", m.Commit)
	if file.LFS {
		w.Header().Set("X-Linked-Etag", strconv.Quote(file.Digest()))
		w.Header().Set("X-Linked-Size", strconv.Itoa(len(file.Content)))
		http.Redirect(w, r, first(f.LFSHost, s.Storage.URL)+"/"+file.Digest()+"?signature=secret", http.StatusFound)
		return
	}
	s.content(w, r, file, f)
}

func (s *Server) storage(w http.ResponseWriter, r *http.Request) {
	f := s.log(r)
	if r.Header.Get("Authorization") != "" {
		s.mu.Lock()
		s.leaked = append(s.leaked, r.URL.Path)
		s.mu.Unlock()
	}
	if code := s.status(); code != 0 {
		http.Error(w, "a fault", code)
		return
	}
	for _, m := range s.Models {
		for _, file := range m.Files {
			if file.LFS && "/"+file.Digest() == r.URL.Path {
				s.content(w, r, file, f)
				return
			}
		}
	}
	http.NotFound(w, r)
}

// content sends a file, or a part of it, with the faults that are set.
func (s *Server) content(w http.ResponseWriter, r *http.Request, file File, f Faults) {
	content := bytes.Clone(file.Content)
	if f.Corrupt && len(content) > 0 {
		content[0] ^= 1
	}
	if f.Longer {
		content = append(content, 'x')
	}
	if f.Stall > 0 {
		select {
		case <-r.Context().Done():
		case <-time.After(f.Stall):
		}
	}
	w.Header().Set("ETag", strconv.Quote(file.Digest()))
	if f.NoRanges {
		r.Header.Del("Range")
	}
	s.mu.Lock()
	cut := s.faults.Cuts > 0
	if cut {
		s.faults.Cuts--
	}
	s.mu.Unlock()
	if cut {
		w = &cutting{ResponseWriter: w, left: f.CutAfter}
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

// cutting ends the connection after some bytes.
type cutting struct {
	http.ResponseWriter
	left int64
}

// Write implements io.Writer.
func (c *cutting) Write(p []byte) (int, error) {
	n := min(int64(len(p)), c.left)
	c.left -= n
	if _, err := c.ResponseWriter.Write(p[:n]); err != nil {
		return 0, err
	}
	if n < int64(len(p)) {
		if f, ok := c.ResponseWriter.(http.Flusher); ok {
			f.Flush()
		}
		panic(http.ErrAbortHandler)
	}
	return len(p), nil
}

// list answers with the model's commit and files.
func (m *Model) list(w http.ResponseWriter, id string) {
	siblings := []map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(m.Files)) {
		file := m.Files[name]
		s := map[string]any{"rfilename": name, "size": len(file.Content), "blobId": File{Content: file.Content}.Digest()}
		if file.LFS {
			s["lfs"] = map[string]any{"sha256": file.Digest(), "size": len(file.Content), "pointerSize": 134}
		}
		siblings = append(siblings, s)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"id": id, "sha": m.Commit, "siblings": siblings}) // a client that has gone wants no answer
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("X-Error-Code", code)
	w.Header().Set("X-Error-Message", message)
	w.WriteHeader(status)
}

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
