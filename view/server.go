package view

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"mime"
	"net/http"
	"path"
	"strconv"

	"github.com/quarry-ml/quarry/report/page"
	"github.com/quarry-ml/quarry/rundir"
)

//go:embed app/index.html app/app.js app/app.css
var app embed.FS

// longestBody is the most bytes of a request that writes.
const longestBody = 1 << 16

// Handler serves the view.
func (v *View) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", v.index)
	mux.HandleFunc("GET /assets/{name...}", v.asset)
	mux.HandleFunc("GET /events", v.events)
	mux.HandleFunc("GET /api/about", v.answer(func(*http.Request) (any, error) { return v.about() }))
	mux.HandleFunc("GET /api/charts", v.answer(func(*http.Request) (any, error) { return v.charts() }))
	mux.HandleFunc("GET /api/queries", v.answer(func(r *http.Request) (any, error) {
		split, page, err := v.listed(r)
		if err != nil {
			return nil, err
		}
		return v.run.queries(split, r.FormValue("search"), r.FormValue("order"), page)
	}))
	mux.HandleFunc("GET /api/query", v.answer(func(r *http.Request) (any, error) {
		split, _, err := v.listed(r)
		index, failed := number(r, "index")
		if err := errors.Join(err, failed); err != nil {
			return nil, err
		}
		return v.query(split, index)
	}))
	mux.HandleFunc("GET /api/queue", v.answer(func(r *http.Request) (any, error) {
		split, page, err := v.listed(r)
		if err != nil {
			return nil, err
		}
		return v.queue(split, r.FormValue("filter"), page)
	}))
	mux.HandleFunc("GET /api/passages", v.answer(func(r *http.Request) (any, error) {
		split, page, err := v.listed(r)
		if err != nil {
			return nil, err
		}
		return v.run.passages(split, r.FormValue("search"), r.FormValue("order"), page)
	}))
	mux.HandleFunc("GET /api/passage", v.answer(func(r *http.Request) (any, error) {
		split, page, err := v.listed(r)
		index, failed := number(r, "index")
		if err := errors.Join(err, failed); err != nil {
			return nil, err
		}
		return v.passage(split, index, page)
	}))
	mux.HandleFunc("GET /api/compare", v.answer(func(r *http.Request) (any, error) {
		split, page, err := v.listed(r)
		a, failed := rankerOf(r, "a")
		b, alsoFailed := rankerOf(r, "b")
		if err := errors.Join(err, failed, alsoFailed); err != nil {
			return nil, err
		}
		return v.compare(split, a, b, r.FormValue("order"), page)
	}))
	mux.HandleFunc("GET /api/pair", v.answer(func(r *http.Request) (any, error) {
		split, _, err := v.listed(r)
		a, failed := rankerOf(r, "a")
		b, alsoFailed := rankerOf(r, "b")
		index, noIndex := number(r, "index")
		if err := errors.Join(err, failed, alsoFailed, noIndex); err != nil {
			return nil, err
		}
		return v.pair(split, a, b, index)
	}))
	mux.HandleFunc("POST /api/verdict", v.answer(func(r *http.Request) (any, error) {
		s, err := readSaid(r.Body)
		if err != nil {
			return nil, err
		}
		return map[string]bool{"saved": true}, v.save(s)
	}))
	return v.guard(mux)
}

// index is the page that all others are made in.
func (v *View) index(w http.ResponseWriter, _ *http.Request) {
	t, err := template.ParseFS(app, "app/index.html")
	var out bytes.Buffer
	if err == nil {
		err = t.Execute(&out, map[string]any{"Run": v.run.dir.Name(), "Token": v.options.Token, "Scripts": page.Scripts(), "Style": page.StyleSheet})
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = out.WriteTo(w) // a browser that has gone needs no page
}

// asset is a script or a style sheet, of the page with charts or of the view.
func (v *View) asset(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	content, ok := page.Asset(name)
	if !ok {
		own, err := app.ReadFile(path.Join("app", name))
		if err != nil || name == "index.html" {
			http.NotFound(w, r)
			return
		}
		content = own
	}
	w.Header().Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
	_, _ = w.Write(content) // as in index
}

// answer serves what a function returns as JSON. One request at a time looks at the files.
func (v *View) answer(of func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, longestBody)
		answer, err := v.locked(r, of)
		code := http.StatusOK
		if err != nil {
			answer, code = map[string]string{"error": err.Error()}, http.StatusInternalServerError
			var senseless wrong
			if errors.As(err, &senseless) {
				code = http.StatusBadRequest
			}
		}
		content, err := json.Marshal(answer)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_, _ = w.Write(content) // as in index
	}
}

func (v *View) locked(r *http.Request, of func(*http.Request) (any, error)) (answer any, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	defer func() { err = errors.Join(err, v.release()) }()
	if err := v.readVerdicts(); err != nil {
		return nil, err
	}
	return of(r)
}

// listed is the set of queries and the page that a request asks for.
func (v *View) listed(r *http.Request) (rundir.Split, int, error) {
	page, err := number(r, "page")
	split := rundir.Split(r.FormValue("split"))
	if _, ok := v.run.sets[split]; !ok {
		return "", 0, wrongf("split %q: there are %v", split, v.run.order)
	}
	return split, page, err
}

// number is a number from 0 on in a request; 0 where there is none.
func number(r *http.Request, name string) (int, error) {
	text := r.FormValue(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return 0, wrongf("%s %q is no number from 0 on", name, text)
	}
	return int(n), nil
}

func readSaid(body io.Reader) (said, error) {
	var s said
	decoder := json.NewDecoder(body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&s); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return s, wrongf("a verdict: the JSON value is cut off")
	} else if err != nil {
		return s, wrong{fmt.Errorf("a verdict: %w", err)}
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return s, wrongf("a verdict: something follows the JSON value")
	}
	return s, nil
}
