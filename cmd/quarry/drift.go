package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/quarry-ml/quarry/drift"
	"github.com/quarry-ml/quarry/format/candidates"
	"github.com/quarry-ml/quarry/format/provenance"
	"github.com/quarry-ml/quarry/mine"
	"github.com/quarry-ml/quarry/rundir"
)

// DriftOptions are the flags of quarry drift.
type DriftOptions struct {
	Dir    string // of the recipe that is named
	Rounds string
	Split  string
	Window string
	Source string
	Drift  drift.Options
	Show   int
	JSON   bool
}

func newDriftCommand(h *host) *cobra.Command {
	o := DriftOptions{Drift: drift.DefaultOptions()}
	cmd := &cobra.Command{
		Use:   "drift RUN",
		Short: "Tell what changed between two rounds of mining, and whether the window still fits",
		Long: `Set the candidates and negatives of two rounds side by side: where positives and the earlier negatives went, how scores moved,
how many of the later round's candidates and negatives are the earlier one's too, and which queries got worse. It warns when the window that the later round mined holds passages
that score so close to the positive that they may answer the query, and suggests one that holds fewer. It reads what the
run has stored; no model runs. RUN is a run directory, or a recipe whose run directory is meant.

Rounds that are mined by one source, whichever it is, are compared by its scores. Reciprocal ranks are no scores: of rounds that
fuse by them, and of two that are mined by different things, what compares scores is left out, and a note says so. --source looks
at one of the sources that both rounds have.`,
		Example: `  quarry drift runs/eedi
  quarry drift runs/eedi --rounds 0,2 --on dev
  quarry drift runs/fused --source dense
  quarry drift recipe.yaml --near 0.1 --allowed 0.2 --json`,
		Args: one("RUN"),
		RunE: func(cmd *cobra.Command, args []string) error { return runDrift(cmd.Context(), h, o, args[0]) },
	}
	f := cmd.Flags()
	f.StringVar(&o.Rounds, "rounds", "", "the two `rounds`, such as 0,1 (the last two that have searched)")
	f.StringVar(&o.Split, "on", string(rundir.Train), "train or dev queries")
	f.StringVar(&o.Window, "window", "", "`ranks` looked at, such as 2-100 (those that the later round mined)")
	f.StringVar(&o.Source, "source", "", "`name` of the one source looked at, such as dense, bm25 or vectors:corpus.npy, in full as quarry mine or the recipe has it, where a round fused several")
	f.Float64Var(&o.Drift.Near, "near", o.Drift.Near, "a passage is a likely answer above the weakest positive, or below it by less than this `share` of the way to the query's last candidate")
	f.Float64Var(&o.Drift.Allowed, "allowed", o.Drift.Allowed, "`share` of likely answers that a window may hold")
	f.IntVar(&o.Show, "show", 5, "queries shown whose positive fell most")
	addRecipeDir(f, &o.Dir)
	f.BoolVar(&o.JSON, "json", false, "print one JSON object, with every query whose positive moved")
	return cmd
}

// runDrift compares two rounds and prints what it finds.
func runDrift(ctx context.Context, h *host, o DriftOptions, run string) (err error) {
	split := rundir.Split(o.Split)
	if split != rundir.Train && split != rundir.Dev {
		return badInputf("--on %q: train or dev", o.Split)
	}
	if o.Show < 0 {
		return badInputf("--show %d is negative", o.Show)
	}
	if run, err = inDir(run, o.Dir); err != nil {
		return err
	}
	d, err := openReported(run)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	rounds, err := o.rounds(d, split)
	if err != nil {
		return err
	}
	window, survivors, err := o.window(d, rounds[1])
	if err != nil {
		return err
	}
	o.Drift.From, o.Drift.To = window.From, window.To
	found, note, err := compareRounds(ctx, d, rounds, split, o)
	if err != nil {
		return badInput(err)
	}
	if survivors {
		// What it warns of and suggests would be a window over raw ranks.
		found.Window.Warning, found.Window.Suggested, found.Window.SuggestedNear = "", "", nil
		note = strings.TrimPrefix(note+fmt.Sprintf("; the window of round %d, %s, is over the passages that the other rules left, and of them nothing is known: what is said of it is of the same raw ranks, others than it mined, and no other window is suggested; --window names raw ranks", rounds[1], window), "; ")
	}
	if o.JSON {
		return printJSON(h, struct {
			Schema int        `json:"schema"`
			Rounds [2]int     `json:"rounds"`
			On     string     `json:"on"`
			Near   float64    `json:"near_share"`
			Limit  float64    `json:"allowed"`
			Source string     `json:"source,omitempty"`
			Note   string     `json:"note,omitempty"` // why some figures are absent
			Moves  driftMoves `json:"moves"`
			drift.Report
		}{driftSchema, rounds, o.Split, o.Drift.Near, o.Drift.Allowed, o.Source, note, append(driftMoves{}, found.Moves...), found})
	}
	fallen := found.Fallen(o.Show)
	texts := map[string]string{}
	for _, m := range fallen {
		texts[m.Query] = ""
	}
	if err := minedTexts(d, rounds[1], split, texts); err != nil {
		return err
	}
	text := driftText(o, rounds, found, fallen, texts)
	if note != "" {
		text += fmt.Sprintf("\nnote: %s\n", note)
	}
	return h.printf("%s", text)
}

// driftSchema is the version of what --json prints. In version 1 the overlaps were shares of what either round had.
const driftSchema = 2

// driftMoves is never null in JSON.
type driftMoves []drift.Move

// rounds are the two that are meant; both have searched.
func (o DriftOptions) rounds(d *rundir.Dir, split rundir.Split) (rounds [2]int, err error) {
	if o.Rounds != "" {
		earlier, later, _ := strings.Cut(o.Rounds, ",")
		a, errA := strconv.Atoi(strings.TrimSpace(earlier))
		b, errB := strconv.Atoi(strings.TrimSpace(later))
		if errA != nil || errB != nil || a < 0 || b < 0 || a == b {
			return rounds, badInputf("--rounds %q is not two rounds, such as 0,1", o.Rounds)
		}
		return [2]int{a, b}, nil
	}
	var searched []int // a warm-up without mining has not
	for round := 0; ; round++ {
		if there, err := d.Exists(d.Round(round).Dir()); err != nil {
			return rounds, err
		} else if !there {
			break
		}
		there, err := d.Exists(d.Round(round).Candidates(split))
		if err != nil {
			return rounds, err
		}
		if there {
			searched = append(searched, round)
		}
	}
	n := len(searched)
	if n < 2 {
		have := "no round has"
		if n == 1 {
			have = "one round has"
		}
		return rounds, badInputf("%s: %s searched for %s queries, and a difference needs two: let the run go on, or name another", d.Name(), have, split)
	}
	return [2]int{searched[n-2], searched[n-1]}, nil
}

// window is the ranks looked at; survivors says that they are of a round which counts them over what its other rules left.
func (o DriftOptions) window(d *rundir.Dir, round int) (w mine.Window, survivors bool, err error) {
	text, named := o.Window, "--window"
	if text == "" {
		windows, err := d.Windows()
		if err != nil {
			return w, false, badInput(err)
		}
		if round >= len(windows) {
			return w, false, badInputf("--rounds: the run's recipe has no round %d", round)
		}
		text, survivors, named = windows[round].Ranks, windows[round].Survivors, d.Recipe()
	}
	if w, err = mine.ParseWindow(text); err != nil {
		return w, false, badInputf("%s: %w", named, err)
	}
	return w, survivors, nil
}

// compareRounds reads the candidates and negatives of two rounds, query by query.
// The note says why nothing is said of scores; it is empty where something is.
func compareRounds(ctx context.Context, d *rundir.Dir, rounds [2]int, split rundir.Split, o DriftOptions) (found drift.Report, note string, err error) {
	var files [2]*candidates.Reader
	var negatives [2]map[string][]int32
	for i, round := range rounds {
		path := d.Round(round).Candidates(split)
		f, err := d.FS.Open(path)
		if err != nil {
			return found, "", fmt.Errorf("round %d has not searched for %s queries: %w", round, split, err)
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		if files[i], err = candidates.NewReader(f, path); err != nil {
			return found, "", err
		}
		if negatives[i], err = minedRanks(d, round, split); err != nil {
			return found, "", err
		}
	}
	a, b := files[0].Header(), files[1].Header()
	looked, err := lookAt(o.Source, rounds, [2]candidates.Header{a, b})
	if err != nil {
		return found, "", err
	}
	o.Drift.Ranks, o.Drift.Scales = looked.ranks, looked.scales
	if a.CorpusDigest != b.CorpusDigest || a.QueriesDigest != b.QueriesDigest || a.Queries != b.Queries {
		return found, "", fmt.Errorf("rounds %d and %d searched other texts: let the run go on, so that it searches again", rounds[0], rounds[1])
	}
	c, err := drift.New(o.Drift)
	if err != nil {
		return found, "", err
	}
	for range a.Queries {
		var sides [2]drift.Side
		for i, f := range files {
			one, err := f.Next()
			if err != nil {
				return found, "", err
			}
			sides[i] = bySource(drift.Side{Candidates: one, Negatives: negatives[i][one.Query]}, looked.part[i])
		}
		if err := errors.Join(ctx.Err(), c.Add(sides[0], sides[1])); err != nil {
			return found, "", err
		}
	}
	for _, f := range files { // the sum of the whole is checked at its end
		if _, err := f.Next(); !errors.Is(err, io.EOF) {
			return found, "", err
		}
	}
	found, err = c.Report()
	if errors.Is(err, drift.ErrNothing) && (byRun(a) || byRun(b)) {
		err = fmt.Errorf("%w: round %d is mined by %s, round %d by %s, and a run ranks no positive that is not in it: mine by one that is deeper", err, rounds[0], sourcesText(a), rounds[1], sourcesText(b))
	}
	return found, looked.note, err
}

// minedRanks is the ranks of each query's negatives, in what its round found; those drawn at random have none. A round that
// has not mined yet has no negatives.
func minedRanks(d *rundir.Dir, round int, split rundir.Split) (map[string][]int32, error) {
	ranks := map[string][]int32{}
	err := d.EachMined(round, split, func(row provenance.Row) error {
		for _, key := range row.QueryKeys() {
			for _, n := range row.Negatives {
				if n.Rank != nil {
					ranks[key] = append(ranks[key], *n.Rank)
				}
			}
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return ranks, err
}

// driftText is the report for people.
func driftText(o DriftOptions, rounds [2]int, r drift.Report, fallen []drift.Move, texts map[string]string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "rounds %d and %d, %d %s queries, ranks %d-%d", rounds[0], rounds[1], r.Queries, o.Split, r.Window.From, r.Window.To)
	if o.Source != "" {
		fmt.Fprintf(&b, " of %s", o.Source)
	}
	last := r.Window.To
	if r.Window.Reached > 0 {
		last = r.Window.Reached
		fmt.Fprintf(&b, ", of which there are candidates up to rank %d", last)
	}
	if r.Left > 0 {
		fmt.Fprintf(&b, "; nothing is said of %d queries without a positive that both rank", r.Left)
	}
	b.WriteString("\n\n")
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\tround %d\tround %d\t\n", rounds[0], rounds[1])
	pair := func(title, format string, factor float64, p *drift.Pair) {
		if p != nil {
			fmt.Fprintf(w, "%s\t"+format+"\t"+format+"\t\n", title, factor*p[0], factor*p[1])
		}
	}
	pair("positive at rank 1", "%.1f %%", 100, &r.Positives.First)
	pair("median rank of the positive", "%g", 1, &r.Positives.Median)
	pair("score of the positive", "%.4f", 1, r.Positives.Score)
	pair("score in the window", "%.4f", 1, r.Window.Score)
	pair("its spread", "%.4f", 1, r.Window.Spread)
	pair("below the weakest positive by", "%.4f", 1, r.Window.Gap)
	pair("of the window above it", "%.1f %%", 100, r.Window.Above)
	pair("above it or near it", "%.1f %%", 100, r.Window.Near)
	if n := r.Negatives; n.Before+n.After > 0 {
		fmt.Fprintf(w, "negatives\t%d\t%d\t\n", n.Before, n.After)
		pair(fmt.Sprintf("median rank of those of round %d", rounds[0]), "%g", 1, n.Median)
	}
	_ = w.Flush() // into memory
	fmt.Fprintf(&b, "\npositives: %d rose, %d fell, %d stayed\n", r.Positives.Rose, r.Positives.Fell, r.Positives.Same)
	fmt.Fprintf(&b, "candidates down to rank %d: of round %d's, %.1f %% were round %d's too\n", last, rounds[1], 100*r.Candidates, rounds[0])
	if n := r.Negatives; n.Overlap != nil {
		fmt.Fprintf(&b, "negatives: of round %d's %d, %d (%.1f %%) were round %d's too\n", rounds[1], n.After, n.Both, 100**n.Overlap, rounds[0])
	}
	if n := r.Negatives; n.Before > 0 {
		fmt.Fprintf(&b, "of round %d's %d negatives, %d are no candidates any more", rounds[0], n.Before, n.Lost)
		if n.Above != nil {
			fmt.Fprintf(&b, ", %d stand above the positive and %d near it", *n.Above, *n.Near-*n.Above)
		}
		b.WriteString("\n")
	}
	if len(fallen) > 0 {
		b.WriteString("\nfell most:\n")
		for _, m := range fallen {
			fmt.Fprintf(&b, "  %d → %d  %s  %s\n", m.From, m.To, m.Query, beginning(texts[m.Query]))
		}
	}
	if r.Window.Warning != "" {
		fmt.Fprintf(&b, "\nwarning: %s\n", r.Window.Warning)
		switch {
		case o.Source != "" && r.Window.Suggested != "":
			fmt.Fprintf(&b, "ranks %s of %s would hold %.1f %%\n", r.Window.Suggested, o.Source, 100**r.Window.SuggestedNear)
		case o.Source != "":
			fmt.Fprintf(&b, "no later start of ranks of %s would hold less than %.0f %%\n", o.Source, 100*o.Drift.Allowed)
		case r.Window.Suggested != "":
			fmt.Fprintf(&b, "mine.window: %s would hold %.1f %%; mine.margin: 0 leaves out what scores above the positive\n", r.Window.Suggested, 100**r.Window.SuggestedNear)
		default:
			fmt.Fprintf(&b, "no later start of the window would hold less than %.0f %%; mine.margin: 0 leaves out what scores above the positive\n", 100*o.Drift.Allowed)
		}
	}
	return b.String()
}
