package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/quarry-ml/quarry/eval"
	"github.com/quarry-ml/quarry/report"
	"github.com/quarry-ml/quarry/rundir"
)

// comparing is what is compared: the sides on each set, in the order of the arguments.
type comparing struct {
	report.CompareOptions
	Sets  [][]report.Side
	Files []string                           // of the rows that fields were read from
	bys   [][]string                         // what the queries of each set are told apart by
	Notes []string                           // of runs whose scores are not what their recipes would leave
	Texts map[rundir.Split]map[string]string // beginnings of the queries of each set, by key, as far as they are at hand
}

// comparedRun is an argument that names a run: its rounds and epochs.
type comparedRun struct {
	path   string
	places [][2]int
	report *report.Report
}

// read reads all sides.
func (c *comparing) read(ctx context.Context, h *host, o CompareOptions, args []string) error {
	sets, err := o.sets()
	if err != nil {
		return err
	}
	runs := make([]*comparedRun, len(args)) // nil where the argument is a file of rankings
	for i, arg := range args {
		if path, place, ok := runPlace(arg); ok {
			if place == "" && path != arg {
				return badInputf("%s names no round behind @: write ROUND or ROUND/EPOCH, as in RUN@1/3, or %s for the chosen epoch of its last round", arg, path)
			}
			if runs[i], err = findPlaces(path, place, len(args) == 1); err != nil {
				return fmt.Errorf("%s: %w", arg, err)
			}
			notes, err := runs[i].outdated(ctx)
			if err != nil {
				return fmt.Errorf("%s: %w", arg, err)
			}
			for _, note := range notes { // two places of one run have the same
				if !slices.Contains(c.Notes, note) {
					c.Notes = append(c.Notes, note)
				}
			}
		} else if _, err := os.Stat(path); err != nil {
			return badInputf("a file of rankings, a run directory or a recipe is wanted: %w", err)
		}
	}
	if err := o.checkSources(runs, c.By); err != nil {
		return err
	}
	chosen := len(sets) > 0
	switch {
	case slices.Contains(runs, nil) && len(sets) > 1:
		return badInputf("--on %s: files of rankings are of one set of queries: name one", o.On)
	case !chosen && (slices.Contains(runs, nil) || o.Eval.Rank.Data.Queries != ""): // which are of one set
		sets = []rundir.Split{rundir.Dev}
	case !chosen:
		if sets, err = commonSets(runs); err != nil {
			return err
		}
	}
	for _, split := range sets {
		if err := c.readSet(ctx, h, o, args, runs, split); err != nil {
			if !chosen && split != rundir.Dev {
				err = fmt.Errorf("on %s: %w (--on dev compares on dev alone)", split, err)
			}
			return err
		}
	}
	return c.divide(h, sets, chosen)
}

// readSet reads all sides of one set.
func (c *comparing) readSet(ctx context.Context, h *host, o CompareOptions, args []string, runs []*comparedRun, split rundir.Split) error {
	var sides []report.Side
	texts := map[string]string{}
	for i, arg := range args {
		if runs[i] == nil {
			side, err := o.rankedSide(ctx, h, arg, c.By, texts)
			if err != nil {
				return err
			}
			sides = append(sides, side)
			continue
		}
		if err := runs[i].checkSet(split); err != nil {
			return fmt.Errorf("%s: %w", arg, err)
		}
		found, err := runs[i].sides(split, texts)
		if errors.Is(err, report.ErrNotByQuery) {
			err = runs[i].listSets(split, err)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", arg, err)
		}
		file, err := o.addFields(ctx, h, runs[i].path, found, c.By, texts)
		if err != nil {
			return err
		}
		if err := o.addTexts(ctx, h, runs[i].path, split, found, texts); err != nil {
			return err
		}
		if file != "" && !slices.Contains(c.Files, file) {
			c.Files = append(c.Files, file)
		}
		sides = append(sides, found...)
	}
	if len(sides) < 2 {
		return badInputf("%s alone has nothing to compare: name another, or a round with several epochs (RUN@0)", args[0])
	}
	c.Sets = append(c.Sets, sides)
	c.Texts[sides[0].On] = beginnings(texts)
	return nil
}

// divide decides what the queries of each set are told apart by: all that is asked for. Where no set is chosen by name, a
// field need not be one of every set, only of some.
func (c *comparing) divide(h *host, sets []rundir.Split, chosen bool) error {
	c.bys = make([][]string, len(c.Sets))
	for _, name := range c.By {
		known := false
		for i, sides := range c.Sets {
			if has := !slices.ContainsFunc(sides, func(s report.Side) bool { return len(s.Queries) > 0 && lacks(s, name) }); has {
				c.bys[i], known = append(c.bys[i], name), true
				continue
			}
			if chosen && len(sets) > 1 {
				return badInputf("--by: no row of %s has the field %q", sets[i], name)
			}
		}
		if !known {
			return badInputf("--by: no row of %s has the field %q", strings.Join(c.Files, ", "), name)
		}
		for i, split := range sets {
			if !slices.Contains(c.bys[i], name) {
				h.note("the queries of %s have no field %q and are not told apart by it", split, name)
			}
		}
	}
	return nil
}

// lacks says whether no query of a side has a label under a name.
func lacks(s report.Side, name string) bool {
	return !slices.ContainsFunc(s.Queries, func(q report.SideQuery) bool { _, ok := q.Labels[name]; return ok })
}

// compare compares the sides of each set.
func (c *comparing) compare() (report.Comparisons, error) {
	var all report.Comparisons
	for i, sides := range c.Sets {
		o := c.CompareOptions
		o.By = c.bys[i]
		one, err := report.Compare(sides[0], sides[1:], o)
		if errors.Is(err, report.ErrUnpaired) && slices.ContainsFunc(sides, func(s report.Side) bool { return s.On == "" }) {
			err = fmt.Errorf("%w: --missing-queries zero counts judged queries without a ranking as 0, and error names them", err)
		}
		if err != nil && len(c.Sets) > 1 {
			err = fmt.Errorf("on %s: %w (--on chooses among the sets)", sides[0].On, err)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	all[0].Notes = c.Notes
	return all, nil
}

// runPlace tells a run directory or a recipe from a file of rankings, and parts the place behind @ from it.
func runPlace(arg string) (path, place string, ok bool) {
	path = arg
	if _, err := os.Stat(arg); err != nil {
		if at := strings.LastIndexByte(arg, '@'); at > 0 {
			path, place = arg[:at], arg[at+1:]
		}
	}
	info, err := os.Stat(path)
	isRun := err == nil && (info.IsDir() || slices.Contains([]string{".yaml", ".yml"}, filepath.Ext(path)))
	return path, place, isRun || path != arg
}

// findPlaces finds what an argument means in a run; where it stands alone, all that one would compare within it.
func findPlaces(path, place string, alone bool) (run *comparedRun, err error) {
	d, err := openReported(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	r, err := report.Read(d)
	if err != nil {
		return nil, badInput(err)
	}
	places, err := placesOf(r, place, alone)
	return &comparedRun{path, places, r}, badInput(err)
}

// sides reads the epochs of a run on a set.
func (r *comparedRun) sides(split rundir.Split, texts map[string]string) (sides []report.Side, err error) {
	d, err := openReported(r.path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	for _, p := range r.places {
		side, err := report.EpochSide(d, p[0], p[1], split)
		if err != nil {
			return nil, badInput(err)
		}
		side.Name = fmt.Sprintf("%s round %d epoch %d", r.path, p[0], p[1]) // two runs may have one name
		sides = append(sides, side)
		for _, q := range side.Queries {
			texts[q.ID] = cmp.Or(texts[q.ID], "")
		}
	}
	if split == rundir.Dev { // which is mined for too
		if err := minedTexts(d, r.places[0][0], rundir.Dev, texts); err != nil {
			return nil, badInput(err)
		}
	}
	return sides, nil
}

// placesOf are the rounds and epochs that a place means.
func placesOf(r *report.Report, place string, alone bool) ([][2]int, error) {
	if place == "" {
		round, epoch, ok := r.Result()
		if !ok {
			return nil, errors.New("no epoch is chosen yet: name one, as in RUN@0/2")
		}
		if !alone {
			return [][2]int{{round.Round, epoch.Epoch}}, nil
		}
		places := [][2]int{{0, 0}}
		for _, round := range r.Rounds {
			for _, e := range round.Epochs {
				if e.Chosen && !round.Stale && [2]int{round.Round, e.Epoch} != places[0] {
					places = append(places, [2]int{round.Round, e.Epoch})
				}
			}
		}
		return places, nil
	}
	first, second, hasEpoch := strings.Cut(place, "/")
	at, err := strconv.ParseUint(first, 10, 31)
	if err != nil {
		return nil, fmt.Errorf("%q is no place in a run: write ROUND or ROUND/EPOCH, as in RUN@1/3", place)
	}
	if int(at) >= len(r.Rounds) {
		return nil, fmt.Errorf("there is no round %d; the run has %d, counted from 0", at, len(r.Rounds))
	}
	round := r.Rounds[at]
	if hasEpoch {
		epoch, err := strconv.ParseUint(second, 10, 31)
		if err != nil {
			return nil, fmt.Errorf("%q is no place in a run: write ROUND or ROUND/EPOCH, as in RUN@1/3", place)
		}
		return [][2]int{{round.Round, int(epoch)}}, nil
	}
	var places [][2]int
	for _, e := range round.Epochs {
		if alone || e.Chosen {
			places = append(places, [2]int{round.Round, e.Epoch})
		}
	}
	if len(places) == 0 {
		return nil, fmt.Errorf("round %d has no choice yet: name an epoch, as in RUN@%d/2", at, at)
	}
	return places, nil
}

// rankedSide scores a file of rankings.
func (o CompareOptions) rankedSide(ctx context.Context, h *host, path string, by []string, texts map[string]string) (report.Side, error) {
	side := report.Side{Name: path}
	e := o.Eval
	e.Run, e.RunName = path, path
	e.Rank.Texts.set = nil // the flags are this command's, and all have a part
	if e.Metrics == "" {
		e.Metrics = defaultMetrics()
	}
	plan, err := e.validate(h)
	if err != nil {
		return side, err
	}
	if e.Convention == allConventions {
		return side, badInputf("--convention %s: a comparison follows one", allConventions)
	}
	source, err := e.source(ctx, h, plan.measures)
	if err != nil {
		return side, err
	}
	train, err := e.train(h, source)
	if err != nil {
		return side, err
	}
	scores, err := source.score(plan.measures, eval.Convention(e.Convention), eval.Missing(e.Missing))
	if err != nil {
		return side, err
	}
	for _, q := range source.queries {
		texts[q.Key] = q.Text
	}
	side.Convention = string(scores.Convention)
	for _, m := range scores.Measures {
		side.Measures = append(side.Measures, m.String())
	}
	for i, id := range scores.Queries {
		side.Queries = append(side.Queries, report.SideQuery{ID: id, Group: scores.Groups[i], Values: scores.PerQuery[i], Labels: map[string]string{}})
	}
	for _, name := range by {
		labels, err := e.labels(h, name, source, train)
		if err != nil {
			return side, err
		}
		for _, q := range side.Queries {
			if label, ok := labels[q.ID]; ok {
				q.Labels[name] = label
			}
		}
	}
	return side, nil
}
