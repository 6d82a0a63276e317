// Command read prints token ids for parity/icl_live.py as a model reads texts: a JSON array a line for each JSON line of
// its input.
//
//	go run ./model/internal/read [-eos] DIR < requests.jsonl
//
// A request has a text, and optionally template, suffix, examples (a list of [query, response]) and max_length. With
// "training" it is read as a training query is: examples are cut to query_tokens and response_tokens, and all to tokens.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/quarry-ml/quarry/model"
	"github.com/quarry-ml/quarry/prompt"
)

type request struct {
	Text           string      `json:"text"`
	Template       string      `json:"template"`
	Suffix         string      `json:"suffix"`
	Examples       [][2]string `json:"examples"`
	MaxLength      int         `json:"max_length"`
	Training       bool        `json:"training"`
	QueryTokens    int         `json:"query_tokens"`
	ResponseTokens int         `json:"response_tokens"`
	Tokens         int         `json:"tokens"`
}

func main() {
	if err := run(os.Args[len(os.Args)-1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(dir string) error {
	m, err := model.Open(dir, model.Options{Pooling: model.PoolLastToken, EOS: slices.Contains(os.Args, "-eos")})
	if err != nil {
		return err
	}
	out := bufio.NewWriter(os.Stdout)
	in, encode := json.NewDecoder(bufio.NewReader(os.Stdin)), json.NewEncoder(out)
	for {
		var r request
		err := in.Decode(&r)
		if errors.Is(err, io.EOF) {
			return errors.Join(out.Flush(), m.Close())
		}
		if err != nil {
			return err
		}
		s, err := r.read(m)
		if err != nil {
			return err
		}
		if err := encode.Encode(s.IDs); err != nil {
			return err
		}
	}
}

func (r request) read(m *model.Model) (model.Sequence, error) {
	p := model.Prompt{Template: prompt.Template(r.Template), Suffix: r.Suffix}
	if r.Training {
		var texts []string
		for _, e := range r.Examples {
			text, err := m.ExampleText(e[0], e[1], p, r.QueryTokens, r.ResponseTokens)
			if err != nil {
				return model.Sequence{}, err
			}
			texts = append(texts, text)
		}
		p.Examples, _ = m.FitExamples(texts, r.Tokens)
		return m.TrainingSequence(r.Text, p, r.MaxLength)
	}
	var examples []prompt.Example
	for _, e := range r.Examples {
		examples = append(examples, prompt.Example{Query: e[0], Response: e[1]})
	}
	p.Examples = prompt.Examples(p.Template, p.Suffix, examples)
	return m.Sequence(r.Text, p, r.MaxLength)
}
