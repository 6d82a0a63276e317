package corpus

import (
	"fmt"
	"io"
	"strings"
)

// ReadQueries reads queries from JSONL, plain or gzipped: one object a line with `query` (or `text`), optionally an id, and
// positives as ids (`correct_id`, `positive_ids`) or texts (`pos`). Where both are given the ids judge and the texts are
// checked against them. `neg` texts, `prompt` and the group field are kept; other keys are ignored. Errors name file and
// line: an empty query, a positive that the corpus lacks, and, unless AllowUnjudged, a query without positives.
// A nil corpus leaves positives unread, for texts that are only to be embedded; every query is then unjudged.
func ReadQueries(r io.Reader, name string, c *Corpus, o ReadOptions) ([]Query, []Warning, error) {
	lines := NewLines(r, name, LineOptions{MaxLine: o.MaxLine})
	seen := newIDs("query")
	judge := newJudge(c)
	judge.byTextsAlone = o.ByTexts
	var queries []Query
	for {
		row, err := lines.NextObject()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, nil, err
		}
		q, err := queryOf(row, name, o)
		if err == nil {
			err = seen.add(q.ID, lines.Number())
		}
		if err == nil && c != nil {
			q.Positives, err = judge.positives(row)
			if err == nil && len(q.Positives) == 0 && !o.AllowUnjudged {
				ways := `"pos" texts, "correct_id" or "positive_ids"`
				if o.ByTexts {
					ways = `"pos" texts`
				}
				err = fmt.Errorf("no positives: give %s%s%s", ways, hasKeys(row), Conversion(row, name)+judgedApart(row, name))
			}
		}
		if err != nil {
			return nil, nil, lines.Errorf("%w", err)
		}
		q.File, q.Line = name, lines.Number()
		judge.note(q)
		queries = append(queries, q)
	}
	if len(queries) == 0 {
		return nil, nil, fmt.Errorf("%s: no queries", name)
	}
	setKeys(queries, judge.identities)
	return queries, judge.warnings(name), nil
}

// queryOf reads all of a row but its judgments; file stands for the rows in errors.
func queryOf(row Object, file string, o ReadOptions) (Query, error) {
	var q Query
	var err error
	if q.ID, err = idOf(row, o.IDField); err != nil {
		return q, err
	}
	if q.Text, err = queryText(row, file); err != nil {
		return q, err
	}
	if prompt, ok := row.Get("prompt"); ok {
		if q.Prompt, err = Text(prompt); err != nil {
			return q, fmt.Errorf(`"prompt": %w`, err)
		}
	}
	if negatives, ok := row.Get("neg"); ok {
		if q.Negatives, err = Texts(negatives); err != nil {
			return q, fmt.Errorf(`"neg": %w`, err)
		}
	}
	if q.Group, err = o.group(row); err != nil {
		return q, err
	}
	for _, field := range o.Fields {
		value, ok := row.Get(field)
		if !ok {
			return q, fmt.Errorf("the row has no %q, by which in-context examples are chosen%s", field, hasKeys(row))
		}
		if q.Fields == nil {
			q.Fields = map[string]string{}
		}
		if q.Fields[field], err = DecodeID(value); err != nil {
			return q, fmt.Errorf("%q: %w", field, err)
		}
	}
	return q, nil
}

// group is the value of a query's group field, else what the row says otherwise.
func (o ReadOptions) group(row Object) (string, error) {
	if _, ok := row.Get(o.GroupField); o.GroupField != "" && !ok && o.OtherGroup != nil {
		if group, err := o.OtherGroup(row); group != "" || err != nil {
			return group, err
		}
	}
	return groupOf(row, o.GroupField)
}

// groupOf is the value of the group field, where one is named.
func groupOf(row Object, field string) (string, error) {
	if field == "" {
		return "", nil
	}
	value, ok := row.Get(field)
	if !ok {
		return "", fmt.Errorf("the row has no %q, which was named as the group field%s", field, hasKeys(row))
	}
	group, err := DecodeID(value)
	if err != nil {
		return "", fmt.Errorf("%q: %w", field, err)
	}
	return group, nil
}

func queryText(row Object, file string) (string, error) {
	text, from := "", ""
	for _, name := range []string{"query", "text"} {
		value, ok := row.Get(name)
		if !ok {
			continue
		}
		found, err := Text(value)
		if err != nil {
			return "", fmt.Errorf("%q: %w", name, err)
		}
		if from != "" && found != text {
			return "", fmt.Errorf(`"query" and "text" differ; keep one`)
		}
		text, from = found, name
	}
	if from == "" {
		return "", fmt.Errorf(`the row has neither "query" nor "text"%s%s`, hasKeys(row), Conversion(row, file))
	}
	if Strip(text) == "" {
		return "", fmt.Errorf("empty query")
	}
	return text, nil
}

// CheckPrompts refuses prompts of rows that would be taken for templates: a row's prompt is data, and stands before its
// query as it is. Whoever puts rows' prompts to use calls it; file names the queries' file.
func CheckPrompts(queries []Query, file string) error {
	for _, q := range queries {
		if strings.Contains(q.Prompt, "{}") {
			return fmt.Errorf("%s:%d: the row's prompt has a placeholder {}; put the template into the recipe's prompts.query or into --query-prompt", file, q.Line)
		}
	}
	return nil
}
