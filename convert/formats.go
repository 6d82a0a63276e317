package convert

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/quarry-ml/quarry/format/flagembedding"
	"github.com/quarry-ml/quarry/format/nemo"
	"github.com/quarry-ml/quarry/format/sentencetransformers"
	"github.com/quarry-ml/quarry/format/table"
	"github.com/quarry-ml/quarry/format/tevatron"
	"github.com/quarry-ml/quarry/trainingset"
)

// Format is a file format that sets are read from and written to.
type Format struct {
	Name  string
	About string       // what it is, in a line
	Kinds []table.Kind // kinds of file that rows may stand in; empty for a folder of files
	Texts bool         // it holds the texts; qrels alone do not

	holds   func(o Options, s Survey) trainingset.Parts
	grouped bool // rows of one query that follow each other are read as one
	unused  bool // it holds passages that no row names
	read    func(path string, o ReadOptions) (*Set, error)
	write   func(out output) error
}

// ReadOptions say how a set is read.
type ReadOptions struct {
	Split string // of judgments or rows in a folder; empty means the only one
}

// Options say how a set is written.
type Options struct {
	Kind      table.Kind // of the file of rows; no part in folders
	Packing   string     // of that file: gzip, zstd, or empty
	Split     string     // name of the judgments that are written
	Negatives int        // of a tuple; 0 means as many as every row with negatives has
	Scores    bool       // sentence-transformers: scores in place of labels
}

// Sink makes a file and lets it be written. The name has forward slashes and is below the folder; it is empty for a format
// that is one file.
type Sink func(name string, write func(io.Writer) error) error

const everything = trainingset.QueryIDs | trainingset.PassageIDs | trainingset.Titles | trainingset.Prompts | trainingset.Types | trainingset.TeacherScores |
	trainingset.Grades | trainingset.Fields | trainingset.NoPositives | trainingset.NoNegatives | trainingset.SeveralPositives | trainingset.Repeats | trainingset.CarriageReturns

// quarryFormat names negatives by their texts, and positives too where passages have no ids.
const quarryFormat = "quarry"

const judgedParts = trainingset.QueryIDs | trainingset.PassageIDs | trainingset.Titles | trainingset.Grades | trainingset.NoPositives |
	trainingset.NoNegatives | trainingset.SeveralPositives | trainingset.CarriageReturns

// Formats are all formats, in the order in which they are listed.
func Formats() []Format {
	rows := []table.Kind{table.JSONL, table.Parquet}
	columns := []table.Kind{table.JSONL, table.Parquet, table.CSV, table.TSV}
	formats := []Format{
		{Name: quarryFormat, About: "corpus.jsonl and queries.jsonl, as recipes and commands take them", Texts: true, unused: true,
			holds: constant(everything &^ (trainingset.Types | trainingset.TeacherScores | trainingset.Grades | trainingset.NoPositives | trainingset.RepeatedPositives)),
			read:  readQuarry, write: writeQuarry},
		{Name: "beir", About: "corpus.jsonl, queries.jsonl, qrels/NAME.tsv; negatives are judgments of grade 0", Texts: true, unused: true,
			holds: constant(judgedParts), read: readJudged, write: writeJudged("beir")},
		{Name: "mteb", About: "corpus.jsonl, queries.jsonl, qrels/NAME.jsonl", Texts: true, unused: true,
			holds: constant(judgedParts), read: readJudged, write: writeJudged("mteb")},
		{Name: "mteb-parquet", About: "the same as Parquet files, with the README.md that names them to load_dataset", Texts: true, unused: true,
			holds: constant(judgedParts), read: readJudged, write: writeJudged("mteb-parquet")},
		{Name: "trec", About: "qrels.txt alone: ids and grades",
			holds: constant(trainingset.QueryIDs | trainingset.PassageIDs | trainingset.Grades | trainingset.NoPositives | trainingset.NoNegatives | trainingset.SeveralPositives | trainingset.CarriageReturns),
			write: writeQrels},
		{Name: "flagembedding", About: "rows with query, pos, neg, pos_scores, neg_scores, prompt, type", Kinds: rows, Texts: true,
			holds: func(_ Options, s Survey) trainingset.Parts { return withoutPartialScores(flagembedding.Holds, s) },
			read:  readFlagEmbedding, write: writeFlagEmbedding},
		{Name: "tevatron", About: "rows with query_id, query, positive_passages, negative_passages", Kinds: rows, Texts: true,
			holds: constant(tevatron.Holds), read: readTevatron, write: writeTevatron},
		{Name: "nemo", About: "train.json, whose rows name passages, and the folder of their corpus", Texts: true, unused: true,
			holds: func(_ Options, s Survey) trainingset.Parts {
				if s.Prompts <= 1 {
					return nemo.Holds | trainingset.Prompts
				}
				return nemo.Holds
			}, read: readNemo, write: writeNemo},
	}
	for _, layout := range sentencetransformers.Layouts() {
		kinds := columns
		if layout == sentencetransformers.LabeledList {
			kinds = rows
		}
		formats = append(formats, Format{Name: string(layout), About: "sentence-transformers: " + shapes[layout], Kinds: kinds, Texts: true, grouped: true,
			holds: func(o Options, s Survey) trainingset.Parts {
				return withoutPartialScores(layoutOptions(layout, o, s).Holds(), s)
			},
			read: readLayout(layout), write: writeLayout(layout)})
	}
	return formats
}

var shapes = map[sentencetransformers.Layout]string{
	sentencetransformers.Triplet:     "anchor, positive, negative",
	sentencetransformers.NTuple:      "anchor, positive, negative_1 … negative_n",
	sentencetransformers.LabeledPair: "anchor, document, label",
	sentencetransformers.LabeledList: "anchor, documents, labels",
}

func constant(parts trainingset.Parts) func(Options, Survey) trainingset.Parts {
	return func(Options, Survey) trainingset.Parts { return parts }
}

// withoutPartialScores takes scores from a format whose rows have all or none, where some passage lacks one.
func withoutPartialScores(parts trainingset.Parts, s Survey) trainingset.Parts {
	if s.Unscored > 0 {
		parts &^= trainingset.TeacherScores
	}
	return parts
}

// ByName finds a format. An unknown name is an error that lists all.
func ByName(name string) (Format, error) {
	formats := Formats()
	var names []string
	for _, f := range formats {
		if f.Name == name {
			return f, nil
		}
		names = append(names, f.Name)
	}
	return Format{}, fmt.Errorf("the format %q is unknown: use %s", name, strings.Join(names, ", "))
}

// Folder reports whether the format is a folder of files, not one file.
func (f Format) Folder() bool { return len(f.Kinds) == 0 }

// Readable reports whether the format holds enough to be read.
func (f Format) Readable() bool { return f.read != nil }

// Read reads a set. Rows may be read again later, so the files have to stay.
func (f Format) Read(path string, o ReadOptions) (*Set, error) {
	if f.read == nil {
		return nil, fmt.Errorf("%s has no texts: name corpus, queries and judgments apart", f.Name)
	}
	return f.read(path, o)
}

// Holds is what of rows the format holds, written with options to a set as surveyed.
func (f Format) Holds(o Options, s Survey) trainingset.Parts {
	held := f.holds(o, s)
	if o.Kind == table.CSV || o.Kind == table.TSV {
		held &^= trainingset.CarriageReturns
	}
	return held
}

// Write writes a set of which s is the survey.
func (f Format) Write(set *Set, s Survey, o Options, sink Sink) error {
	if !f.Folder() && !slices.Contains(f.Kinds, o.Kind) {
		var kinds []string
		for _, kind := range f.Kinds {
			kinds = append(kinds, string(kind))
		}
		return fmt.Errorf("%s is not written as %s: use %s", f.Name, o.Kind, strings.Join(kinds, ", "))
	}
	if o.Packing != "" && (f.Folder() || o.Kind == table.Parquet) {
		return fmt.Errorf("%s is not packed: Parquet packs its own pages, and folders hold plain files", o.Packing)
	}
	return f.write(output{set: set, survey: s, options: o, sink: sink, held: f.Holds(o, s)})
}

// output is what a format's write works with.
type output struct {
	set     *Set
	survey  Survey
	options Options
	sink    Sink
	held    trainingset.Parts
}
