package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/pflag"

	"github.com/quarry-ml/quarry/corpus"
	"github.com/quarry-ml/quarry/rundir"
	"github.com/quarry-ml/quarry/vectors"
)

// VectorOptions are the flags of given vectors, in place of a model.
type VectorOptions struct {
	CorpusVectors, QueryVectors string
	CorpusIDs, QueryIDs         string

	source string // vectors:FILE, whose files they are; empty are those of the flags
}

// flag is the flag that names the passages' vectors, for errors.
func (o VectorOptions) flag() string {
	if o.source != "" {
		return "source " + o.source
	}
	return "corpus-vectors"
}

// of is another flag of theirs, by its name without a source.
func (o VectorOptions) of(flag string) string {
	if o.source != "" {
		return "source-" + flag
	}
	return flag
}

// AddFlags adds the flags to a command.
func (o *VectorOptions) AddFlags(f *pflag.FlagSet) {
	f.StringVar(&o.CorpusVectors, "corpus-vectors", "", "vectors of the passages in place of a model: .npy `file`, float32, rows in file order")
	f.StringVar(&o.QueryVectors, "query-vectors", "", "`file` of the queries' vectors")
	f.StringVar(&o.CorpusIDs, "corpus-ids", "", "`file` of the ids of --corpus-vectors' rows, one a line, where they are in another order")
	f.StringVar(&o.QueryIDs, "query-ids", "", "`file` of the ids of --query-vectors' rows")
}

// given says whether vectors are given; half of them is an error.
func (o VectorOptions) given() (bool, error) {
	both := o.CorpusVectors != "" && o.QueryVectors != ""
	switch {
	case !both && (o.CorpusVectors != "" || o.QueryVectors != ""):
		return false, badInputf("--corpus-vectors and --query-vectors go together")
	case !both && (o.CorpusIDs != "" || o.QueryIDs != ""):
		return false, badInputf("--corpus-ids and --query-ids are of no use without --corpus-vectors and --query-vectors")
	}
	return both, nil
}

// givenVectors are mapped files, their rows in the order of a corpus and its queries.
type givenVectors struct {
	passages, queries *vectors.Mapped
	arranged          []*keptVectors // in place of files whose rows are in another order
}

func (g givenVectors) close() error {
	return errors.Join(g.passages.Close(), g.queries.Close(), closeAll(g.arranged...))
}

// open maps the files and puts their rows in the order of the data.
func (o VectorOptions) open(h *host, d data) (givenVectors, error) {
	g, err := o.mapFiles()
	if err != nil {
		return g, err
	}
	queryIDs := make([]string, len(d.queries))
	for i, q := range d.queries {
		queryIDs[i] = q.Key
		if o.QueryIDs != "" && q.ID == "" && q.Line > 0 {
			return g, errors.Join(badInputf("line %d of the queries has no id, so %s cannot name its vector", q.Line, o.QueryIDs), g.close())
		}
	}
	err = errors.Join(
		g.arrange(h, &g.passages, o.CorpusVectors, o.of("corpus-ids"), o.CorpusIDs, d.corpus.IDs()),
		g.arrange(h, &g.queries, o.QueryVectors, o.of("query-ids"), o.QueryIDs, queryIDs))
	if err == nil && g.passages.Dim != g.queries.Dim {
		err = badInputf("%s has rows of %d, %s rows of %d: they are not of one model", o.CorpusVectors, g.passages.Dim, o.QueryVectors, g.queries.Dim)
	}
	if err != nil {
		return g, errors.Join(err, g.close())
	}
	return g, nil
}

func (o VectorOptions) mapFiles() (givenVectors, error) {
	var g givenVectors
	var err error
	if g.passages, err = vectors.OpenNPY(o.CorpusVectors); err != nil {
		return g, badInputf("--%s: %w", o.flag(), err)
	}
	if g.queries, err = vectors.OpenNPY(o.QueryVectors); err != nil {
		return g, errors.Join(badInputf("--%s: %w", o.of("query-vectors"), err), g.passages.Close())
	}
	return g, nil
}

// arrange puts rows in the order of the wanted ids, which they have already where no file names theirs.
func (g *givenVectors) arrange(h *host, m **vectors.Mapped, name, flag, idsFile string, wanted []string) error {
	from := *m
	if err := from.CheckFinite(name); err != nil {
		return badInput(err)
	}
	if idsFile == "" {
		return badInput(from.CheckRows(name, len(wanted)))
	}
	ids, err := readIDs(h, flag, idsFile, from.Matrix)
	if err != nil {
		return err
	}
	places, err := vectors.Places(from.Matrix, name, ids, wanted)
	if err != nil || places == nil {
		return badInput(err)
	}
	kept, err := keep(len(places), from.Dim, func(write func([]float32) error) error {
		for _, row := range places {
			if err := write(from.Row(row)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	g.arranged = append(g.arranged, kept)
	*m = kept.Mapped
	return from.Close()
}

// readIDs reads the ids of a matrix's rows.
func readIDs(h *host, flag, path string, m vectors.Matrix) ([]string, error) {
	var ids []string
	err := readInput(h, flag, path, func(r io.Reader) error {
		var err error
		ids, err = vectors.ReadIDs(r, path)
		if err == nil && len(ids) != m.Rows {
			err = fmt.Errorf("%s: %d ids for %d vectors", path, len(ids), m.Rows)
		}
		return err
	})
	return ids, err
}

// digest is that of the vectors, without their ids.
func (o VectorOptions) digest(h *host) (string, error) {
	passages, err := digestInput(h, o.flag(), o.CorpusVectors)
	if err != nil {
		return "", err
	}
	queries, err := digestInput(h, o.of("query-vectors"), o.QueryVectors)
	if err != nil {
		return "", err
	}
	return rundir.DigestBytes([]byte(passages + " " + queries)), nil
}

// digestIDs tells files of ids apart; empty where none are named.
func (o VectorOptions) digestIDs(h *host) (string, error) {
	all := ""
	for _, of := range []struct{ flag, path string }{{"corpus-ids", o.CorpusIDs}, {"query-ids", o.QueryIDs}} {
		if of.path == "" {
			continue
		}
		digest, err := digestInput(h, o.of(of.flag), of.path)
		if err != nil {
			return "", err
		}
		all += " " + of.flag + " " + digest
	}
	return all, nil
}

// readData reads the data of a search. Given vectors need no texts: what no file names gets the ids of the vectors'
// rows, or their positions.
func (o RankOptions) readData(h *host) (data, error) {
	given, err := o.Given.given()
	if err != nil {
		return data{}, err
	}
	if !given || o.Data.Corpus != "" && o.Data.Queries != "" {
		return o.Data.read(h, true)
	}
	g, err := o.Given.mapFiles()
	if err != nil {
		return data{}, err
	}
	d, err := o.nameRows(h, g)
	return d, errors.Join(err, g.close())
}

func (o RankOptions) nameRows(h *host, g givenVectors) (data, error) {
	var d data
	var err error
	if o.Data.Corpus != "" {
		d.corpus, err = o.Data.readCorpus(h)
	} else {
		passages := make([]corpus.Passage, g.passages.Rows)
		if err = nameEach(h, "corpus-ids", o.Given.CorpusIDs, g.passages.Matrix, func(i int, id string) { passages[i].ID = id }); err == nil {
			d.corpus, err = corpus.New(passages)
		}
	}
	if err != nil {
		return d, err
	}
	if o.Data.Queries != "" {
		d.queries, err = o.Data.readQueries(h, "queries", o.Data.Queries, nil, true)
		return d, err
	}
	d.queries = make([]corpus.Query, g.queries.Rows)
	for i := range d.queries {
		d.queries[i].Key = strconv.Itoa(i)
	}
	return d, nameEach(h, "query-ids", o.Given.QueryIDs, g.queries.Matrix, func(i int, id string) { d.queries[i].Key = id })
}

// nameEach reads the ids of a matrix's rows, if there is a file of them.
func nameEach(h *host, flag, idsFile string, m vectors.Matrix, set func(row int, id string)) error {
	if idsFile == "" {
		return nil
	}
	ids, err := readIDs(h, flag, idsFile, m)
	for i, id := range ids {
		set(i, id)
	}
	return err
}
