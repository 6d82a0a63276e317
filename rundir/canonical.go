package rundir

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// CanonicalJSON returns v as JSON in one spelling: object keys sorted, no spaces, numbers as encoding/json writes them.
// Equal options therefore give equal bytes, whatever the order of a struct's fields.
func CanonicalJSON(v any) ([]byte, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("options as JSON: %w", err)
	}
	decoded, err := decodeNumbers(raw)
	if err != nil {
		return nil, fmt.Errorf("options as JSON: %w", err)
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(decoded); err != nil { // sorts map keys
		return nil, fmt.Errorf("options as JSON: %w", err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

// Differences says in words how options as CanonicalJSON differ, one sentence a key path, sorted by path.
func Differences(before, after []byte) ([]string, error) {
	old, err := flatten(before)
	if err != nil {
		return nil, err
	}
	now, err := flatten(after)
	if err != nil {
		return nil, err
	}
	paths := maps.Clone(old)
	maps.Copy(paths, now)
	var reasons []string
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		was, had := old[path]
		is, has := now[path]
		switch {
		case !had:
			reasons = append(reasons, fmt.Sprintf("option added: %s %s", path, is))
		case !has:
			reasons = append(reasons, fmt.Sprintf("option removed: %s %s", path, was))
		case was != is:
			was, is = apart(was, is)
			reasons = append(reasons, fmt.Sprintf("options changed: %s %s → %s", path, was, is))
		}
	}
	return reasons, nil
}

// told is how many runes of a long value are told, and before how many of them is where it differs from another.
const told, before = 60, 20

// apart cuts two long values to where they begin to differ.
func apart(was, is string) (string, string) {
	a, b := []rune(was), []rune(is)
	if len(a) <= told && len(b) <= told {
		return was, is
	}
	at := 0
	for at < len(a) && at < len(b) && a[at] == b[at] {
		at++
	}
	from := max(0, at-before)
	cut := func(value []rune) string {
		text := string(value[min(from, len(value)):min(from+told, len(value))])
		if from > 0 {
			text = "…" + text
		}
		if from+told < len(value) {
			text += "…"
		}
		return text
	}
	return cut(a), cut(b)
}

// flatten maps the path of every leaf to its JSON. Lists are leaves: which element moved says less than both lists.
func flatten(canonical []byte) (map[string]string, error) {
	leaves := map[string]string{}
	if len(canonical) == 0 {
		return leaves, nil
	}
	decoded, err := decodeNumbers(canonical)
	if err != nil {
		return nil, err
	}
	return leaves, addLeaves(leaves, "", decoded)
}

func addLeaves(leaves map[string]string, path string, v any) error {
	object, ok := v.(map[string]any)
	if !ok || len(object) == 0 && path != "" {
		text, err := CanonicalJSON(v)
		if path == "" {
			path = "options"
		}
		leaves[path] = string(text)
		return err
	}
	for key, child := range object {
		below := key
		if path != "" {
			below = path + "." + key
		}
		if err := addLeaves(leaves, below, child); err != nil {
			return err
		}
	}
	return nil
}

// decodeNumbers decodes JSON with its numbers left as they are spelled.
func decodeNumbers(raw []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var v any
	return v, decoder.Decode(&v)
}
