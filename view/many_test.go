//go:build browser

// With the browser's tests for its time: making the run takes longer than looking at it.
package view

import (
	"runtime"
	"testing"

	"github.com/quarry-ml/quarry/internal/tinyrun"
)

// A hundred thousand queries are paged on the server: no answer holds more than a page of them, and what stays in memory when
// all has been looked at is their texts and a few numbers of each.
func TestBrowserManyQueries(t *testing.T) {
	run, err := tinyrun.Write(t.TempDir(), tinyrun.Options{Train: 100_000, Dev: 10, Passages: 8, Depth: 6, Rounds: 1, Epochs: 1})
	must(t, err)
	before := heap()
	v := open(t, run, nil)
	for _, target := range []string{
		"/api/queries?split=train&order=worst&page=1999", "/api/queries?split=train&order=file&search=99999", "/api/queue?split=train&filter=open&page=100", "/api/queue?split=train&filter=judged",
		"/api/query?split=train&index=99999", "/api/compare?split=train&a=0&b=0&order=change&page=5", "/api/charts",
		"/api/passages?split=train&order=mined&search=adds", "/api/passage?split=train&index=3&page=200",
	} {
		w := request(v, "GET", target, "", nil)
		if w.Code != 200 || w.Body.Len() > 200_000 {
			t.Errorf("%s: %d, %d bytes", target, w.Code, w.Body.Len())
		}
	}
	if l := get[list[queryRow]](t, v, "queries", "split", "train", "order", "worst", "page", "1999"); l.Total != 100_000 || len(l.Rows) != pageSize {
		t.Errorf("%d of %d", len(l.Rows), l.Total)
	}
	if kept := heap() - before; kept > 128<<20 {
		t.Errorf("%d bytes stay in memory", kept)
	}
	runtime.KeepAlive(v)
}

// heap is the bytes that are in use.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
