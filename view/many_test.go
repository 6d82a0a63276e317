//go:build browser

// With the browser's tests for its time: making the run takes longer than looking at it.
package view

import (
	"testing"

	"github.com/quarry-ml/quarry/internal/tinyrun"
)

// A hundred thousand queries are paged on the server: no answer holds more than a page of them.
func TestBrowserManyQueries(t *testing.T) {
	_, v := opened(t, tinyrun.Options{Train: 100_000, Dev: 10, Passages: 8, Depth: 6, Rounds: 1, Epochs: 1})
	for _, target := range []string{
		"/api/queries?split=train&order=worst&page=1999", "/api/queries?split=train&order=file&search=99999", "/api/queue?filter=open&page=100", "/api/queue?filter=judged",
		"/api/query?split=train&index=99999", "/api/compare?split=train&a=0&b=0&order=change&page=5", "/api/charts",
	} {
		w := request(v, "GET", target, "", nil)
		if w.Code != 200 || w.Body.Len() > 200_000 {
			t.Errorf("%s: %d, %d bytes", target, w.Code, w.Body.Len())
		}
	}
	if l := get[list[queryRow]](t, v, "queries", "split", "train", "order", "worst", "page", "1999"); l.Total != 100_000 || len(l.Rows) != pageSize {
		t.Errorf("%d of %d", len(l.Rows), l.Total)
	}
}
