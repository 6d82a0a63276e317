// Package view serves a run directory to a browser on this machine, while the run goes on or afterwards: the page with
// charts, the queries with their rankings in every round, the negatives that look like answers, and two runs query by query.
//
// A view reads and never writes, with one exception: what a person says of a negative is appended to the run's verdicts at once
// (package format/verdicts). It answers requests of its own pages alone: see guard.go.
package view

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/quarry-ml/quarry/format/provenance"
	"github.com/quarry-ml/quarry/format/verdicts"
	"github.com/quarry-ml/quarry/report/page"
	"github.com/quarry-ml/quarry/review"
	"github.com/quarry-ml/quarry/rundir"
)

// Options say what is shown, and to whom.
type Options struct {
	Dir   *rundir.Dir // open read only
	Files Files       // that the run was made of

	Against      *rundir.Dir // a run to compare with; nil compares rounds of the one
	AgainstFiles Files

	Host  string        // host:port that browsers reach the view by, such as 127.0.0.1:8765; localhost may stand for 127.0.0.1
	Token string        // secret that a page has to show before anything is written; not empty
	Poll  time.Duration // between two looks for changes; 0 is a second
	Now   func() time.Time
}

// View is a run directory as it is served. It may be used from several goroutines.
type View struct {
	options Options
	now     func() time.Time

	mu           sync.Mutex // of all below: files are looked at by one request at a time
	run, against *run
	pages        page.Reader
	suspects     map[rundir.Split]*suspects
	judged       map[judgedPair]verdicts.Kind
	verdictState string
}

// Open reads the texts that a run was made of. A view keeps no file open between two requests.
func Open(ctx context.Context, o Options) (*View, error) {
	if o.Token == "" {
		return nil, errors.New("view: a token is needed")
	}
	if o.Poll == 0 {
		o.Poll = time.Second
	}
	v := &View{options: o, now: o.Now}
	if v.now == nil {
		v.now = time.Now
	}
	var err error
	if v.run, err = openRun(ctx, o.Dir, o.Files); err != nil {
		return nil, err
	}
	if o.Against != nil {
		if v.against, err = openRun(ctx, o.Against, o.AgainstFiles); err != nil {
			return nil, err
		}
	}
	return v, v.readVerdicts()
}

// release closes what a request has opened.
func (v *View) release() error {
	failed := v.run.release()
	if v.against != nil {
		failed = errors.Join(failed, v.against.release())
	}
	return failed
}

// about is what a page needs to know before it asks for anything else.
type about struct {
	Run             string        `json:"run"`
	Rounds          []int         `json:"rounds"`
	Searched        []int         `json:"searched"` // rounds that have candidates
	Against         string        `json:"against"`
	AgainstSearched []int         `json:"against_searched"`
	Rankers         []rankerInfo  `json:"rankers"`
	AgainstRankers  []rankerInfo  `json:"against_rankers"`
	Alone           bool          `json:"alone"` // there is no other run to compare with
	Sets            []aboutSet    `json:"sets"`
	Corpora         []aboutCorpus `json:"corpora"`
	Near            float64       `json:"near"`
	Unused          string        `json:"unused,omitempty"` // of verdicts, why they have no effect
}

// aboutSet is a set of queries: train, dev, the training queries of a set of data.sets, test, or a set of data.also.
type aboutSet struct {
	Name    string `json:"name"`
	Queries int    `json:"queries"`
	Corpus  string `json:"corpus"` // name of an aboutCorpus
	Train   bool   `json:"train"`  // its negatives are trained on, and may be doubted
	Held    bool   `json:"held"`   // from mining: epochs alone rank it
}

// aboutCorpus is a corpus by the first set over it.
type aboutCorpus struct {
	Name     string `json:"name"`
	Passages int    `json:"passages"`
}

func (v *View) about() (*about, error) {
	other := v.other()
	a := &about{Run: v.run.dir.Name(), Against: other.dir.Name(), Alone: v.against == nil, Near: review.Near}
	for _, split := range v.run.order {
		s := v.run.sets[split]
		a.Sets = append(a.Sets, aboutSet{string(split), len(s.queries), string(s.over.first), s.trained(), s.held})
	}
	for _, p := range v.run.corpora {
		a.Corpora = append(a.Corpora, aboutCorpus{string(p.first), p.corpus.Len()})
	}
	var err, failed, alsoFailed error
	a.Rounds, err = v.run.rounds()
	a.Searched, failed = v.run.searched()
	a.AgainstSearched, alsoFailed = other.searched()
	if err := errors.Join(err, failed, alsoFailed); err != nil {
		return nil, err
	}
	a.Rankers, err = v.run.rankers()
	a.AgainstRankers, failed = other.rankers()
	a.Unused, alsoFailed = v.run.unusedVerdicts()
	return a, errors.Join(err, failed, alsoFailed)
}

// other is the run that is compared with: this one too where there is no other.
func (v *View) other() *run {
	if v.against == nil {
		return v.run
	}
	return v.against
}

// charts is the page with charts: its inside, the drawings, and the state of the run that events tell changes of.
type charts struct {
	State    string                  `json:"state"`
	HTML     string                  `json:"html"`
	Drawings map[string]page.Drawing `json:"drawings"`
}

func (v *View) charts() (*charts, error) {
	state, err := v.state() // before the reading: what changes meanwhile is told as a change
	if err != nil {
		return nil, err
	}
	v.pages.Mined = func(round int, name string, visit func(provenance.Row) error) error {
		of := rundir.Train
		if name != "" {
			of = setSplit(name)
		}
		s := v.run.sets[of]
		if s == nil { // the recipe has got it since the view was opened
			return v.run.dir.EachMinedOf(v.run.dir.Round(round).Set(name), rundir.Train, visit)
		}
		_, err := v.run.eachMined(s, round, visit) // charts show what the run is, whatever the texts are now
		return err
	}
	p, err := v.pages.Read(v.run.dir)
	if err != nil {
		return nil, err
	}
	var inside strings.Builder
	if err := p.Main(&inside); err != nil {
		return nil, err
	}
	return &charts{state, inside.String(), p.Drawings()}, nil
}

func place(r *run, round int) string { return fmt.Sprintf("%s, round %d", r.dir.Name(), round) }
