package modelcard

import (
	"io"

	"go.yaml.in/yaml/v3"
)

// front is the card's metadata under the hub's names.
type front struct {
	Library   string    `yaml:"library_name"`
	Pipeline  string    `yaml:"pipeline_tag"`
	BaseModel string    `yaml:"base_model,omitempty"` // which the hub links, so no path of this machine's
	Tags      []string  `yaml:"tags"`
	Index     []indexed `yaml:"model-index,omitempty"`
}

// indexed is the hub's form of results: one entry a model.
type indexed struct {
	Name    string         `yaml:"name"`
	Results []indexedOfSet `yaml:"results"`
}

type indexedOfSet struct {
	Task    named           `yaml:"task"`
	Dataset named           `yaml:"dataset"`
	Metrics []indexedMetric `yaml:"metrics"`
}

type named struct {
	Type string `yaml:"type"`
	Name string `yaml:"name"`
}

type indexedMetric struct {
	Type  string  `yaml:"type"`
	Value float64 `yaml:"value"`
	Name  string  `yaml:"name"`
}

// frontMatter writes the metadata between its rules.
func (c Card) frontMatter(w io.Writer) error {
	f := front{Library: "sentence-transformers", Pipeline: "sentence-similarity", Tags: []string{"sentence-transformers", "sentence-similarity", "feature-extraction", "quarry"}}
	if c.Base.Hub {
		f.BaseModel = c.Base.Name
	}
	if len(c.Results) > 0 {
		index := indexed{Name: oneLine(c.Title)}
		for _, r := range c.Results {
			one := indexedOfSet{Task: named{"information-retrieval", "Information Retrieval"}, Dataset: named{oneLine(r.Set), oneLine(r.Set)}}
			for _, v := range r.Values {
				one.Metrics = append(one.Metrics, indexedMetric{v.Measure, v.Model, v.Measure})
			}
			index.Results = append(index.Results, one)
		}
		f.Index = []indexed{index}
	}
	if _, err := io.WriteString(w, "---\n"); err != nil {
		return err
	}
	encoder := yaml.NewEncoder(w)
	encoder.SetIndent(2)
	if err := encoder.Encode(f); err != nil {
		return err
	}
	if err := encoder.Close(); err != nil {
		return err
	}
	_, err := io.WriteString(w, "---\n")
	return err
}
