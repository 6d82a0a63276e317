package recipe

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/quarry-ml/quarry/fuse"
	"github.com/quarry-ml/quarry/prompt"
)

// Kinds of sources that mine.sources lists, besides Dense and BM25.
const (
	FurtherModel = "model"   // a model beside the miner
	GivenRun     = "run"     // a TREC run
	GivenVectors = "vectors" // vectors of passages and queries
)

// Source is one of the rankings that mine.sources lists.
type Source struct {
	// What ranks: dense, the miner; bm25, the words that passages share with the query; model, a further model, under its own
	// prompts; run, a TREC run; vectors, given ones. An entry that says nothing else may be the word alone: [dense, bm25].
	Kind string `yaml:"kind" in:"dense|bm25|model|run|vectors" need:"true"`
	// Model directory, or Hugging Face name, of kind model. It embeds corpus and queries once for all rounds.
	Model Path `yaml:"model" unset:"none; kind model needs one" omit:"true"`
	// Tokens that it reads of a text, special ones included.
	MaxLength int `yaml:"max_length" in:"[1,)" unset:"as the model says" omit:"true"`
	// The same of its queries alone.
	QueryMaxLength int `yaml:"query_max_length" in:"[1,)" unset:"as max_length says" omit:"true"`
	// The same of its passages alone.
	PassageMaxLength int `yaml:"passage_max_length" in:"[1,)" unset:"as max_length says" omit:"true"`
	// Around its queries; "" for nothing.
	QueryPrompt *prompt.Template `yaml:"query_prompt" unset:"as the model says" omit:"true"`
	// Behind its queries, which are never cut for it.
	QuerySuffix *prompt.Template `yaml:"query_suffix" unset:"as the model says" omit:"true"`
	// Around its passages; "" for nothing.
	PassagePrompt *prompt.Template `yaml:"passage_prompt" unset:"as the model says" omit:"true"`
	// How the vectors of its tokens become one. Needed only where the model does not say it.
	Pooling string `yaml:"pooling" in:"cls|mean|max|lasttoken|weightedmean" unset:"as the model says" omit:"true"`
	// Whether its vectors are brought to length 1. Needed only where the model does not say it.
	Normalize *bool `yaml:"normalize" unset:"as the model says" omit:"true"`
	// Leading numbers of its vectors that are compared.
	TruncateDim int `yaml:"truncate_dim" in:"[1,)" unset:"as the model says" omit:"true"`
	// TREC run of kind run, of train and dev queries: ordered by its scores, ties by passage. Queries that it lacks have no
	// candidates of it.
	Run Path `yaml:"run" unset:"none; kind run needs one" omit:"true"`
	// Vectors of the passages, of kind vectors: an .npy file of float32, a row for each passage in the order of the corpus. Scores
	// are dot products.
	CorpusVectors Path `yaml:"corpus_vectors" unset:"none; kind vectors needs them" omit:"true"`
	// Those of the training queries, in their order.
	TrainVectors Path `yaml:"train_vectors" unset:"none; kind vectors needs them" omit:"true"`
	// Those of the dev queries, in their order; a set of data.sets mines none.
	DevVectors Path `yaml:"dev_vectors" unset:"none; kind vectors needs them" omit:"true"`
	// Ids of the rows of corpus_vectors, one a line, where they are in another order or more.
	CorpusIDs Path `yaml:"corpus_ids" unset:"rows are in the order of the corpus" omit:"true"`
	// The same of train_vectors.
	TrainIDs Path `yaml:"train_ids" unset:"rows are in the order of the queries" omit:"true"`
	// The same of dev_vectors.
	DevIDs Path `yaml:"dev_ids" unset:"rows are in the order of the queries" omit:"true"`
}

// MarshalJSON writes the section as Stages.MarshalJSON does.
func (s Source) MarshalJSON() ([]byte, error) { return canonicalJSON(s) }

// Name tells a source from the others, as quarry mine --source names it: dense, bm25, model:DIR, run:FILE, vectors:FILE.
func (s Source) Name() string {
	switch s.Kind {
	case FurtherModel:
		return s.Kind + ":" + s.Model.Written
	case GivenRun:
		return s.Kind + ":" + s.Run.Written
	case GivenVectors:
		return s.Kind + ":" + s.CorpusVectors.Written
	}
	return s.Kind
}

// Vectors says whether the source ranks by vectors, whoever makes them.
func (s Source) Vectors() bool {
	return s.Kind == Dense || s.Kind == FurtherModel || s.Kind == GivenVectors
}

// plain says whether a source has no key but its kind.
func (s Source) plain() bool { return s == Source{Kind: s.Kind} }

// paths are all paths of a source that the recipe's directory resolves.
func (s *Source) paths() []*Path {
	return []*Path{&s.Model, &s.Run, &s.CorpusVectors, &s.TrainVectors, &s.DevVectors, &s.CorpusIDs, &s.TrainIDs, &s.DevIDs}
}

func (s Source) clone() Source {
	s.Normalize = cloned(s.Normalize)
	s.QueryPrompt, s.QuerySuffix, s.PassagePrompt = cloned(s.QueryPrompt), cloned(s.QuerySuffix), cloned(s.PassagePrompt)
	return s
}

// Ranks is what ranks the corpus to mine, in the order in which it is fused; nil where nothing does.
func (m Mine) Ranks() []Source {
	switch {
	case !m.Searches():
		return nil
	case len(m.Sources) > 0:
		return m.Sources
	case m.Source == Fused:
		return []Source{{Kind: Dense}, {Kind: BM25}}
	}
	return []Source{{Kind: m.Source}}
}

// FuseOptions are how several sources become one ranking.
func (m Mine) FuseOptions() fuse.Options {
	o := fuse.DefaultOptions()
	if m.Fuse != "" {
		o.Method = fuse.Method(m.Fuse)
	}
	if m.FuseConstant != nil {
		o.K = *m.FuseConstant
	}
	o.Weights = m.FuseWeights
	return o
}

// sourceOf is the word of mine.source that a list comes to.
func sourceOf(list []Source) string {
	if len(list) == 1 {
		return list[0].Kind
	}
	return Fused
}

// settleSources brings mine.source and mine.sources into line after a section of keys, which were given, was decoded over what
// the mining was before: a list says what the source is, another source takes the list back. A list that a word alone
// says is that word.
func (m *Mine) settleSources(d *decoder, before Mine, given map[string]int, path string) {
	_, named := given["source"]
	line, listed := given["sources"]
	switch {
	case listed && len(m.Sources) == 0: // null, or refused
		if !named && len(before.Sources) > 0 {
			m.Source = Dense
		}
	case listed:
		word := sourceOf(m.Sources)
		if named && m.Source != word {
			d.fail(line, "%s.source is %s, but %s.sources comes to %s: leave one out", path, m.Source, path, word)
		}
		m.Source = word
	case named && m.Source != sourceOf(m.Sources):
		m.Sources = nil
	}
	if !slices.ContainsFunc(m.Sources, func(s Source) bool { return !s.plain() || s.Kind != Dense && s.Kind != BM25 }) {
		if len(m.Sources) == 1 || len(m.Sources) == 2 && m.Sources[0].Kind == Dense && m.Sources[1].Kind == BM25 {
			m.Sources = nil
		}
	}
}

// source reads a source: a section, or the word that is its kind.
func (d *decoder) source(node *yaml.Node, into *Source, t target) {
	section := reflect.ValueOf(into).Elem()
	if node.Kind == yaml.ScalarNode {
		kind := fieldsOf(section.Type())[0]
		d.value(node, section.FieldByIndex(kind.index), target{field: kind, path: t.path})
		return
	}
	if node.Kind != yaml.MappingNode {
		d.fail(node.Line, "%s: want keys and values, or a word such as %s, not %s", t.path, BM25, describe(node))
		return
	}
	d.section(node, section, t.path)
}

// checkSources finds sources that cannot rank, in round i.
func (m Mine) checkSources(d *decoder, i int) {
	at := []string{"mine.sources"}
	if kind := m.Source; len(m.Sources) == 0 && (kind == FurtherModel || kind == GivenRun || kind == GivenVectors) {
		d.failRound(i, []string{"mine.source"}, "mine.source %s is of no use without mine.sources, which names it", kind)
	}
	for k, s := range m.Sources {
		if slices.ContainsFunc(m.Sources[:k], func(o Source) bool { return o.Name() == s.Name() }) {
			d.failRound(i, at, "mine.sources: %s is named twice", s.Name())
		}
		s.checkAt(d, i, k)
	}
	if n := len(m.Ranks()); m.Source == Fused && len(m.FuseWeights) != 0 && len(m.FuseWeights) != n {
		whose := "the miner's and BM25's"
		if len(m.Sources) > 0 {
			whose = "one for each of mine.sources"
		}
		d.failRound(i, []string{"mine.fuse_weights"}, "mine.fuse_weights has %d values: want %d, %s", len(m.FuseWeights), n, whose)
	} else if m.Source == Fused && n > 0 && len(m.FuseWeights) == n && slices.Max(m.FuseWeights) == 0 {
		d.failRound(i, []string{"mine.fuse_weights"}, "mine.fuse_weights %v: want one above 0, or no source counts", m.FuseWeights)
	}
}

// checkAt checks the source that stands at k in the list of round i.
func (s Source) checkAt(d *decoder, i, k int) {
	if err := s.check(); err != nil {
		d.failRound(i, []string{"mine.sources"}, "mine.sources[%d]: %v", k, err)
	}
}

// checkDev sees that a source can rank dev queries, which those of a set have no need of.
func (s Source) checkDev(d *decoder, i, k int) {
	if s.Kind == GivenVectors && s.DevVectors.Written == "" {
		d.failRound(i, []string{"mine.sources"}, "mine.sources[%d]: kind vectors needs dev_vectors: dev queries are mined too, for eval_loss", k)
	}
}

// sourceKeys are the keys of each kind of source, those that it needs first, of which there are so many.
var sourceKeys = map[string]struct {
	need int
	keys []string
}{
	FurtherModel: {1, []string{"model", "max_length", "query_max_length", "passage_max_length", "query_prompt", "query_suffix", "passage_prompt", "pooling", "normalize", "truncate_dim"}},
	GivenRun:     {1, []string{"run"}},
	GivenVectors: {2, []string{"corpus_vectors", "train_vectors", "dev_vectors", "corpus_ids", "train_ids", "dev_ids"}},
}

// check finds keys that a source of its kind lacks, and those that have no part with it.
func (s Source) check() error {
	if s.Kind == "" {
		return fmt.Errorf("kind is missing")
	}
	allowed, v := sourceKeys[s.Kind], reflect.ValueOf(s)
	for _, f := range fieldsOf(v.Type())[1:] {
		at, given := slices.Index(allowed.keys, f.key), !v.FieldByIndex(f.index).IsZero()
		switch {
		case given && at < 0:
			return fmt.Errorf("%s has no part with kind %s", f.key, s.Kind)
		case !given && at >= 0 && at < allowed.need:
			return fmt.Errorf("kind %s needs %s", s.Kind, f.key)
		}
	}
	switch {
	case s.DevIDs.Written != "" && s.DevVectors.Written == "":
		return fmt.Errorf("dev_ids is of no use without dev_vectors")
	case s.QuerySuffix != nil && strings.Contains(string(*s.QuerySuffix), "{}"):
		return fmt.Errorf("query_suffix %s: it stands behind the text, and has no {} for it", s.QuerySuffix.Show())
	}
	return nil
}
