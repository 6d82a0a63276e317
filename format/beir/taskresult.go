package beir

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
)

// TaskResult is MTEB's file of a model's scores on one retrieval task, results/MODEL/REVISION/TASK.json.
type TaskResult struct {
	Task      string
	Revision  string // of the data set; MTEB wants one
	Split     string
	Subset    string   // default where the task has none
	Languages []string // as MTEB spells them: eng-Latn
	Main      string   // which of Scores is the main one
	Scores    []TaskScore
}

// TaskScore is one figure under MTEB's name, such as ndcg_at_10.
type TaskScore struct {
	Name   string
	Value  float64
	Digits int // behind the point that MTEB keeps
}

// taskResult is the file. What it says of time, energy and MTEB's own version is unknown, which MTEB takes.
type taskResult struct {
	Revision  string                          `json:"dataset_revision"`
	Task      string                          `json:"task_name"`
	Version   *string                         `json:"mteb_version"`
	Scores    map[string][]taskResultOfSubset `json:"scores"`
	Time      *float64                        `json:"evaluation_time"`
	Emissions *float64                        `json:"kg_co2_emissions"`
}

type taskResultOfSubset struct{ r *TaskResult }

// MarshalJSON writes the figures in their order, then what they are of.
func (s taskResultOfSubset) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	out.WriteByte('{')
	main := ""
	for _, score := range s.r.Scores {
		name, err := json.Marshal(score.Name)
		if err != nil {
			return nil, err
		}
		value, err := score.rounded()
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&out, "%s:%s,", name, value)
		if score.Name == s.r.Main {
			main = value
		}
	}
	if main == "" {
		return nil, fmt.Errorf("%s: no score %s", s.r.Task, s.r.Main)
	}
	rest, err := json.Marshal(struct {
		Main      json.RawMessage `json:"main_score"`
		Subset    string          `json:"hf_subset"`
		Languages []string        `json:"languages"`
	}{json.RawMessage(main), s.r.Subset, append([]string{}, s.r.Languages...)})
	if err != nil {
		return nil, err
	}
	out.Write(rest[1:])
	return out.Bytes(), nil
}

// rounded is the value as Python writes it when it has been rounded.
func (s TaskScore) rounded() (string, error) {
	v, err := strconv.ParseFloat(strconv.FormatFloat(s.Value, 'f', s.Digits, 64), 64)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(v)
	if err == nil && !bytes.ContainsAny(text, ".e") {
		text = append(text, ".0"...)
	}
	return string(text), err
}

// Write writes the file as MTEB does.
func (r *TaskResult) Write(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(taskResult{Revision: r.Revision, Task: r.Task, Scores: map[string][]taskResultOfSubset{r.Split: {{r}}}})
}
