//go:build browser

// With the browser's tests for its time: making the run takes longer than looking at it.
package view

import (
	"runtime"
	"strconv"
	"testing"

	"github.com/quarry-ml/quarry/internal/tinyrun"
)

// A hundred thousand queries of train and as many of dev, which epochs rank too, are paged on the server: no answer holds more than a page of them, and what stays in memory when
// all has been looked at is their texts and a few numbers of each.
func TestBrowserManyQueries(t *testing.T) {
	n := 100_000
	if testing.Short() {
		n = 10_000
	}
	run, err := tinyrun.Write(t.TempDir(), tinyrun.Options{Train: n, Dev: n, Passages: 8, Depth: 6, Rounds: 1, Epochs: 1, Ranked: true})
	must(t, err)
	before := heap()
	v := open(t, run, nil)
	last := strconv.Itoa(n/pageSize - 1)
	for _, target := range []string{
		"/api/queries?split=train&order=worst&page=" + last, "/api/queries?split=train&order=file&search=" + strconv.Itoa(n-1), "/api/queue?split=train&filter=open&page=100", "/api/queue?split=train&filter=judged",
		"/api/query?split=train&index=" + strconv.Itoa(n-1), "/api/compare?split=train&a=0&b=0&order=change&page=5", "/api/charts",
		"/api/passages?split=train&order=mined&search=adds", "/api/passage?split=train&index=3&page=" + strconv.Itoa(n/8/pageSize-1),
		"/api/queries?split=dev&order=rise&page=" + last, "/api/queries?split=dev&order=file&search=" + strconv.Itoa(n-1), "/api/query?split=dev&index=" + strconv.Itoa(n-1),
		"/api/compare?split=dev&a=0/0&b=0/1&order=change&page=" + last, "/api/pair?split=dev&a=0/0&b=0/1&index=" + strconv.Itoa(n-1), "/api/passage?split=dev&index=3",
	} {
		w := request(v, "GET", target, "", nil)
		if w.Code != 200 || w.Body.Len() > 200_000 {
			t.Errorf("%s: %d, %d bytes", target, w.Code, w.Body.Len())
		}
	}
	for _, split := range []string{"train", "dev"} {
		if l := get[list[queryRow]](t, v, "queries", "split", split, "order", "worst", "page", last); l.Total != n || len(l.Rows) != pageSize {
			t.Errorf("%s: %d of %d", split, len(l.Rows), l.Total)
		}
	}
	if c := get[comparison](t, v, "compare", "split", "dev", "a", "0/0", "b", "0/1", "order", "change"); c.Better+c.Worse+c.Same != n || c.Better == 0 {
		t.Errorf("dev before training and after it: %d better, %d worse, %d the same", c.Better, c.Worse, c.Same)
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
