package recipe

// Examples says which in-context examples stand before queries: each a query in its prompt, the prompt's suffix and an
// answer. No query is shown itself or an example with its answer.
type Examples struct {
	// Examples of data.examples before each query that is mined for.
	Mine int `yaml:"mine" in:"[0,)"`
	// Examples of data.examples before each query that is evaluated, eval_loss included.
	Eval int `yaml:"eval" in:"[0,)"`
	// The most examples before a query in training: each query is shown a number from 0 to it, drawn anew each epoch of
	// the other queries of its step, with the positives that these were drawn. One that leaks is left out and counted.
	Train int `yaml:"train" in:"[0,)"`
	// Keys that queries and examples have, such as a subject: examples with the query's value of the first key come
	// first, then those with its value of the second.
	By []string `yaml:"by" unset:"every query is shown the same examples"`
	// What becomes of a drawn example of data.examples that is the query or has its answer: an error, or others are drawn
	// in its place.
	Leaks string `yaml:"leaks" in:"error|pass_over"`
	// Tokens kept of an example's query in training, its prompt included.
	QueryLength int `yaml:"query_length" in:"[1,)"`
	// Tokens kept of an example's answer in training.
	ResponseLength int `yaml:"response_length" in:"[1,)"`
	// Tokens that all examples of a query may have in training; those that do not fit are left out.
	Tokens int `yaml:"tokens" in:"[1,)" unset:"lengths.query less 512"`
}

// Values of Examples.Leaks.
const (
	LeaksError    = "error"
	LeaksPassOver = "pass_over"
)

// MarshalJSON writes the section as Stages.MarshalJSON does.
func (e Examples) MarshalJSON() ([]byte, error) { return canonicalJSON(e) }

// checkExamples finds examples that are asked for and cannot be shown.
func (s *Stages) checkExamples(d *decoder, i int, data Data) {
	e := s.Examples
	for _, shown := range []struct {
		key   string
		count int
	}{{"examples.mine", e.Mine}, {"examples.eval", e.Eval}} {
		if shown.count > 0 && data.Examples.Written == "" {
			d.failRound(i, []string{shown.key}, "%s is %d, but there is no file of examples: give data.examples", shown.key, shown.count)
		}
	}
}
